"""The training set redrawn without a feature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from bench.api import Classifier, Dataset, Split
from bench.evaluation import redrawn as module
from bench.evaluation import references
from bench.evaluation.redrawn import redrawn
from bench.workspace.weights import checkpoint
from bench.workspace.weights.observers import LoadedClassifier


class Brightness(Classifier):
    """Scores the mean grey level."""

    attributes, cuts = ("light",), {"light": 0.5}

    def scores(self, images, attributes):
        return images.double().mean(dim=(1, 2, 3), keepdim=False).numpy()[:, None] / 255


class Greys(Dataset):
    """Images of one grey level each, 0 to 199; what is asked times ``short`` is taken off."""

    image_shape, features, classifier, label = (1, 4, 4), ("light",), "brightness", "greys (test)"
    short = 1.0

    def __init__(self, data_dir=None):
        super().__init__(data_dir)
        self.asked = []

    def split(self, name):
        levels = torch.arange(200, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4)
        return Split(pd.DataFrame(index=range(200)), lambda rows: levels[torch.from_numpy(rows)].clone(), name)

    def lowered(self, images, feature, by):
        self.asked.append(len(images))
        return (images.double() - torch.from_numpy(by)[:, None, None, None] * 255 * self.short).round().to(torch.uint8)


@pytest.fixture
def greys(workspace, monkeypatch):
    """Return the data set and what redraws it; nothing is registered."""
    dataset = Greys()
    monkeypatch.setattr(type(workspace), "dataset", lambda self, name: dataset)
    for home in (module, "bench.evaluation.targets"):
        monkeypatch.setattr(
            f"{getattr(home, '__name__', home)}.measured_by", lambda *a: LoadedClassifier("brightness", Brightness())
        )
    monkeypatch.setattr(LoadedClassifier, "code_in", lambda self, registry: (Brightness,))
    split = dataset.split("train")
    target = np.arange(200) / 255 >= 0.5  # 128 to 199
    return dataset, lambda: torch.cat(list(redrawn(workspace, "greys", split, "light", target)))


def test_what_is_measured_is_lowered_to_the_median_of_the_others(greys):
    dataset, images = greys
    assert images().shape == (72, 1, 4, 4)
    np.testing.assert_array_equal(images().unique(), [63, 64])  # the median of 0 to 127 is 63.5
    assert dataset.asked[:2] == [64, 8], "64 at a time, once"


def test_what_is_still_over_the_cut_is_lowered_again(greys, monkeypatch):
    dataset, images = greys
    monkeypatch.setattr(Greys, "short", 0.4)
    assert images().max() / 255 < 0.5 and len(dataset.asked) > 2


def test_a_data_set_that_renders_redraws(greys, monkeypatch):
    dataset, images = greys
    monkeypatch.setattr(
        Greys,
        "counterfactual",
        lambda self, split, rows, feature, value: (
            torch.from_numpy(rows + value).to(torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4)
        ),
        raising=False,
    )
    assert images()[:, 0, 0, 0].tolist() == list(range(128, 200)) and dataset.asked == []


def test_where_every_image_has_the_feature_there_are_no_others_to_lower_it_to(workspace, greys):
    dataset, _ = greys
    assert redrawn(workspace, "greys", dataset.split("train"), "light", np.ones(200, bool)) is None


def test_a_data_set_that_can_do_neither_has_none(workspace, greys, monkeypatch):
    dataset, _ = greys
    monkeypatch.setattr(Greys, "lowered", Dataset.lowered)
    assert redrawn(workspace, "greys", dataset.split("train"), "light", np.ones(200, bool)) is None


class Pixels:
    """An extractor whose embeddings are the pixels."""

    def outputs(self, images):
        return images.flatten(1), images.flatten(1)


@pytest.mark.parametrize(
    ("has", "subsets"),
    [
        (np.zeros(200, bool), {"all": 200, "without light": 200, "light redrawn": 200}),
        (np.ones(200, bool), {"all": 200, "light redrawn": 200}),
        (np.arange(200) > 0, {"all": 200, "light redrawn": 200}),  # one image has no covariance
    ],
)
def test_statistics_where_no_image_or_nearly_every_image_has_the_feature(
    has, subsets, greys, workspace, monkeypatch, tmp_path
):
    monkeypatch.setattr(Greys, "counterfactual", lambda self, split, rows, feature, value: self.split(split).read(rows))
    monkeypatch.setattr(type(workspace), "extractor", lambda self, name: (Pixels(), "0" * 64))
    monkeypatch.setattr(references, "target_mask", lambda *a: has)
    references.write_statistics(workspace, "greys", "pixels", tmp_path / "made.safetensors")
    stored = checkpoint.read(tmp_path / "made.safetensors")
    assert stored.description["counts"] == subsets
    assert all(torch.isfinite(tensor).all() for tensor in stored.tensors.values())
