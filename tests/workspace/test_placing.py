"""Extractors compute on the workspace's device; on the CPU they are as they were loaded."""

from __future__ import annotations

import pytest
import torch

from bench.api import Extractor
from bench.evaluation.references import _embedded
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.weights import observers
from bench.workspace.weights.placing import Placed, on_device
from bench.workspace.workspace import Workspace

META, CPU = torch.device("meta"), torch.device("cpu")


class Following(Extractor):
    """Loads its weights by itself and computes where the images are."""

    classes = ("a", "b")
    class_attribute = "letter"

    def outputs(self, images):
        return images.flatten(1), images.flatten(1)[:, :2]


@pytest.fixture
def on(tmp_path):
    return lambda device: Workspace(Registry(), Store(tmp_path / "runs"), device)


def test_networks_and_images_are_moved_to_the_device(on):
    extractor, sha256 = on(META).extractor("digits")
    assert {p.device.type for p in extractor.networks.classifier.parameters()} == {"meta"}
    embeddings, logits = extractor.outputs(torch.zeros(2, 1, 28, 28))
    assert embeddings.device.type == logits.device.type == "meta" and len(extractor.classes) == logits.shape[1]
    assert sha256 == on(CPU).extractor("digits")[1]


def test_one_that_follows_the_images_gets_them_on_the_device():
    placed, sha256 = on_device((Following(), "its sha256"), META)
    assert {each.device.type for each in placed.outputs(torch.zeros(3, 1, 4, 4))} == {"meta"}
    assert (placed.classes, placed.class_attribute, sha256) == (("a", "b"), "letter", "its sha256")


def test_on_the_cpu_it_is_the_loaded_one_to_the_bit(on):
    workspace = on(CPU)
    extractor, _ = workspace.extractor("digits")
    loaded, _ = observers.load_extractor(workspace.registry, "digits", "digits")
    assert type(extractor) is type(loaded) and not isinstance(extractor, Placed)
    images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = loaded.outputs(images.float() / 255)[0]
    assert torch.equal(torch.from_numpy(_embedded(workspace, extractor, images)), expected)
