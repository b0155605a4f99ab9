"""The remover on a toy data set whose truth is known exactly, and the shipped ones on faces."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from bench.api import Dataset, Split
from bench.api.context import Context
from bench.core.rendering import to_float
from bench.core.sources import Source
from bench.errors import CheckpointError, DataError
from bench.evaluation import counterfactual, removers
from bench.evaluation.counterfactual import errors, fit_remover, has_counterfactuals, true_pairs
from bench.evaluation.removers import load_remover
from bench.hookspecs import kind_named
from bench.registry import Plugin, Registry
from bench.workspace import manifest
from bench.workspace.weights import checkpoint


class Badges(Dataset):
    """Plain pictures of any colour; every other one can show the feature, a yellow badge at its lower left."""

    image_shape = (3, 16, 16)
    classifier = "none"
    features = ("badge",)
    label = "badges (synthetic)"

    def split(self, name):
        count = {"train": 300, "test": 80}[name]
        return Split(
            pd.DataFrame({"shade": np.zeros(count)}), lambda i: self.counterfactual(name, i, "badge", True), name
        )

    def counterfactual(self, split, indices, feature, value):
        images = torch.empty(len(indices), 3, 16, 16, dtype=torch.uint8)
        for row, i in zip(images, indices, strict=True):
            row[:] = torch.from_numpy(np.random.default_rng([i, len(split)]).integers(30, 220, 3).astype(np.uint8))[
                :, None, None
            ]
            if value and i % 2:
                row[:, 10:14, 2 : 6 + i % 3] = torch.tensor([250, 220, 0], dtype=torch.uint8)[:, None, None]
        return images


@dataclass
class Fitted:
    remover: counterfactual.Remover
    having: torch.Tensor
    lacking: torch.Tensor


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    context = Context(stream="test", device=torch.device("cpu"))
    return Fitted(fit_remover(Badges(), "badge", context, steps=120), *true_pairs(Badges(), "test", "badge", 40))


def mean_error(fitted, edited):
    return float(errors(fitted.remover, fitted.having, edited).sum(1).mean())


# --- true pairs ---------------------------------------------------------------------------------------


def test_true_pairs_are_the_first_images_that_can_show_the_feature():
    having, lacking = true_pairs(Badges(), "test", "badge", 7)
    indices = np.arange(1, 14, 2)
    assert torch.equal(having, Badges().counterfactual("test", indices, "badge", True))
    assert torch.equal(lacking, Badges().counterfactual("test", indices, "badge", False))
    assert len(true_pairs(Badges(), "test", "badge", 1000)[0]) == 40, "all there are"


def test_a_feature_that_no_image_can_show_is_an_error(monkeypatch):
    monkeypatch.setattr(Badges, "counterfactual", lambda self, split, i, feature, value: torch.zeros(len(i), 3, 16, 16))
    with pytest.raises(DataError, match=r"badges \(synthetic\): no image of split 'test' can show 'badge'"):
        true_pairs(Badges(), "test", "badge", 5)


def test_only_a_data_set_that_redraws_has_counterfactuals():
    known = {name: has_counterfactuals(Registry().get("datasets", name)()) for name in ("mnist", "synthfaces")}
    assert known == {"mnist": False, "synthfaces": True} and has_counterfactuals(Badges())


# --- the remover --------------------------------------------------------------------------------------


def test_a_remover_comes_near_the_truth_and_ranks_bad_edits_below_it(fitted):
    truth, kept = mean_error(fitted, fitted.lacking), mean_error(fitted, fitted.having)
    assert truth < 0.25 * kept
    another, half = fitted.lacking.roll(1, 0), (fitted.having / 2 + fitted.lacking / 2).to(torch.uint8)
    assert truth < mean_error(fitted, half) < kept < mean_error(fitted, another)


def test_a_remover_changes_nothing_where_the_feature_never_is(fitted):
    images = torch.rand(5, 3, 16, 16)
    off = fitted.remover.support == 0
    assert 0 < int((~off).sum()) < 64
    assert torch.equal(fitted.remover(images)[..., off], images[..., off])


def test_errors_are_those_of_single_images(fitted):
    edited = fitted.lacking.roll(1, 0)
    singles = [errors(fitted.remover, fitted.having[i : i + 1], edited[i : i + 1]) for i in range(40)]
    assert torch.allclose(torch.cat(singles), errors(fitted.remover, fitted.having, edited), atol=1e-6)
    assert errors(fitted.remover, fitted.having[:0], edited[:0]).shape == (0, 2)


def test_errors_say_where_they_are(fitted):
    images = to_float(fitted.having)
    truth = (fitted.remover(images) * 255).round().to(torch.uint8)
    wrong = truth.clone()
    wrong[:, :, 0, 0] ^= 128  # off the support: 128 grey levels in every colour of one of 256 pixels
    assert fitted.remover.support[0, 0] == 0
    near, far = (errors(fitted.remover, fitted.having, edited) for edited in (truth, wrong))
    assert torch.equal(near[:, 0], far[:, 0]) and near.max() < 0.5 / 255
    assert torch.allclose(far[:, 1] - near[:, 1], torch.tensor(128 / 255 / 256).double(), atol=1e-8)


def test_fitting_is_deterministic_and_leaves_global_randomness_alone():
    def once():
        context = Context(stream="test", device=torch.device("cpu"))
        return fit_remover(Badges(), "badge", context, pairs=20, steps=2).state_dict()

    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = once()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    assert all(torch.equal(tensor, first[name]) for name, tensor in once().items())


# --- shipped, or made here once -----------------------------------------------------------------------


@pytest.fixture
def badges(workspace, monkeypatch):
    """Let the workspace know the data set, and make little of it."""
    registered = Plugin(Source(kind_named("datasets"), "badges", "a test", None), Badges, sys.modules[__name__])
    monkeypatch.setitem(workspace.registry._loaded, ("datasets", "badges"), registered)
    monkeypatch.setattr(removers.write_remover, "__defaults__", (None, 20, 3))
    return workspace


def files_of(workspace):
    return [path for path in (workspace.store.root.parent / "counterfactual").iterdir() if path.is_file()]


def test_a_remover_that_is_not_shipped_is_made_once(badges, monkeypatch):
    made = removers.remover_for(badges, "badges", "badge")
    (path,) = files_of(badges)
    assert path.name.startswith("badges-badge-remover-")
    described = checkpoint.read(path).description
    assert described["dataset"] == "badges (synthetic)" and described["held_out"]["pairs"] == 40
    monkeypatch.setattr(removers, "write_remover", None)
    again = removers.remover_for(badges, "badges", "badge")
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(made(images), again(images)) and not any(p.requires_grad for p in again.parameters())


def test_a_damaged_remover_is_made_again(badges):
    made = removers.remover_for(badges, "badges", "badge")
    (path,) = files_of(badges)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(made(images), removers.remover_for(badges, "badges", "badge")(images))
    assert checkpoint.read(path)


def test_other_code_or_other_images_are_another_remover(badges, monkeypatch):
    before = removers.identity(badges, "badges", "badge")
    badges._kept.clear()
    monkeypatch.setattr(Badges, "identity", lambda self, split: "other images")
    assert removers.identity(badges, "badges", "badge") != before


def test_a_data_set_of_photographs_has_none(badges):
    assert removers.identity(badges, "mnist", "slant") is None
    assert removers.remover_for(badges, "mnist", "slant") is None


def test_shipping_enters_weights_and_their_measured_error_in_the_zoo(badges, tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path)
    monkeypatch.setattr(manifest, "MANIFEST", tmp_path / "manifest.json")
    before = removers.identity(badges, "badges", "badge")
    path = removers.ship_remover(badges, "badges", "badge")
    entry = manifest.entries()["badges-badge-remover"]
    assert entry.file == path.name and "on 40 held-out true pairs" in entry.description
    assert removers.identity(badges, "badges", "badge") != before
    assert removers.remover_for(badges, "badges", "badge").image_shape == (3, 16, 16)


def test_weights_of_another_kind_are_refused():
    with pytest.raises(CheckpointError, match="contains weights of kind .model., not of a remover"):
        load_remover(manifest.path_of("vae-mnist"))


@pytest.mark.parametrize("feature", ["bang", "beard"])
def test_the_shipped_remover_ranks_the_truth_above_known_bad_edits_of_faces(feature):
    """The whole table: benchmarks/counterfactual_ranking.py."""
    remover = load_remover(manifest.path_of(removers.zoo_name("synthfaces", feature)))
    faces = Registry().get("datasets", "synthfaces")()
    having, lacking = true_pairs(faces, "test", feature, 48)
    truth = errors(remover, having, lacking).sum(1)
    bad = {
        "kept": having,
        "half removed": (having / 2 + lacking / 2).to(torch.uint8),
        "blurred": gaussian_blur(lacking, 9, [0.5, 0.5]),
        "brighter": (lacking + 0.03 * 255).clamp(0, 255).to(torch.uint8),
        "another face": lacking.roll(1, 0),
        "a tenth of another face": (0.9 * lacking + 0.1 * lacking.roll(1, 0)).to(torch.uint8),
        "the support blurred": torch.where(remover.support > 0, gaussian_blur(having, 15, [4.0, 4.0]), having),
    }
    scores = {name: errors(remover, having, images).sum(1) for name, images in bad.items()}
    assert {name: float(s.mean()) for name, s in scores.items() if s.mean() <= truth.mean()} == {}
    assert {
        name: float((s > truth).double().mean()) for name, s in scores.items() if (s > truth).double().mean() < 0.8
    } == {}
