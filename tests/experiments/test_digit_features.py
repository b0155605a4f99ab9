"""A digit as a feature: MNIST's labels are a data set of their own, found by the feature's name."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from bench.api import Split
from bench.registry import Registry
from bench.toolkit.training import build, class_log_odds
from bench.workspace.weights.observers import load_classifier

SMALL = ("--set", "feedback.count=100", "--set", "evaluation.count=200")
CELL = ("run", "--model", "vae", "--feature", "digit=1", *SMALL)


@pytest.fixture(scope="module")
def run(bench_cli, tmp_path_factory):
    """Run a cell of digit 1; all cells share a folder of results."""
    results = tmp_path_factory.mktemp("digits") / "runs"
    return lambda *more: bench_cli(*CELL, "--results", results, "--json", *more)


def test_a_digit_is_unlearned(run):
    done = run("--method", "ours", "-p", "epochs=40")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["dataset"], record["feature"]) == ("mnist_digits", "digit=1")
    before, after = (record["metrics"][name]["value"] for name in ("original_target_ratio", "target_ratio"))
    assert after < before / 2 and before > 0.05
    assert "attribute_shift[digit=7]" in record["metrics"] and "fid_retain[digits]" in record["metrics"]
    oracle = record["provenance"]["oracle"]
    assert [oracle[role]["weights"][-1] for role in ("feedback", "evaluation")] == ["a", "b"]


def test_two_judges_of_one_digit_share_the_unlearning(run):
    usual, other = (
        json.loads(run("--method", "original", *more).out)
        for more in ((), ("--set", "oracle.evaluation=digit_reader-mnist_digits-a"))
    )
    stages = [record["provenance"]["stages"] for record in (usual, other)]
    assert stages[0]["unlearn"] == stages[1]["unlearn"] and stages[0]["evaluate"] != stages[1]["evaluate"]


def test_an_extractor_judges_a_digit(run):
    """Its classes are named as the data set names them, so its attribute shifts are those of the usual judge."""
    usual, other = (
        json.loads(run("--method", "original", *more).out) for more in ((), ("--set", "oracle.evaluation=digits"))
    )
    assert other["provenance"]["oracle"]["evaluation"]["name"] == "digits"
    shifts = [{name for name in record["metrics"] if name.startswith("attribute_shift[")} for record in (usual, other)]
    assert shifts[0] == shifts[1] == {f"attribute_shift[digit={k}]" for k in range(10) if k != 1}
    ratio, its = (record["metrics"]["target_ratio"]["value"] for record in (usual, other))
    assert 0.05 < its < 0.3 and abs(its - ratio) < 0.1
    assert usual["provenance"]["stages"]["unlearn"] == other["provenance"]["stages"]["unlearn"]
    assert all("oracle_far[digits]" in record["metrics"] for record in (usual, other)), "what each learnt from is known"


def test_a_digit_that_is_not_one(bench_cli, tmp_path):
    done = bench_cli("run", "--method", "ours", "--model", "vae", "--feature", "digit=12", "--results", tmp_path / "r")
    assert done.code == 4 and "--feature (data set 'mnist'): unknown feature 'digit=12'" in done.err
    assert "digit=0, digit=1" in done.err and "slant, thickness" in done.err
    faces = bench_cli("run", "--method", "ours", "--model", "proggan", "--feature", "digit=1")
    assert faces.code == 4 and "unknown feature 'digit=1'" in faces.err


def test_all_features_are_those_of_the_suite(bench_cli):
    planned = bench_cli("run", "--method", "ours", "--model", "vae", "--feature", "all", "--dry-run").out
    assert "ours-vae-slant" in planned and "digit" not in planned


@pytest.fixture(scope="module")
def split(mnist_dir):
    return Registry().get("datasets", "mnist_digits")(mnist_dir).split("test")


@pytest.mark.mnist
def test_the_labels_decide_which_images_show_a_digit(split):
    dataset = Registry().get("datasets", "mnist_digits")
    its = dataset(None).has_feature(split.attributes, "digit=1")
    assert its.tolist() == (split.attributes["digit"] == 1).tolist() and its.sum() == 1135


@pytest.mark.mnist
@pytest.mark.parametrize("copy", ["a", "b"])
def test_both_readers_read_blurred_digits(split, copy):
    reader = load_classifier(Registry(), "digit_reader", f"digit_reader-mnist_digits-{copy}").classifier
    images, truth = split.read(np.arange(1000)), split.attributes["digit"].to_numpy()[:1000]
    soft = (gaussian_blur(images.float(), 13, [1.5, 1.5])).round().to(torch.uint8)
    for seen, least in ((images, 0.985), (soft, 0.97)):
        scores = reader.scores(seen, reader.attributes)
        assert (scores.argmax(axis=1) == truth).mean() >= least
        assert np.allclose((1 / (1 + np.exp(-scores))).sum(axis=1), 1), "log odds"


def assessed(digits):
    """Return what an untrained reader measures on random images with these labels."""
    reader = Registry().get("classifiers", "digit_reader")()
    frame = pd.DataFrame({name: [name == f"digit={digit}" for digit in digits] for name in reader.attributes})
    images = torch.randint(0, 256, (len(digits), 1, 28, 28), dtype=torch.uint8)
    split = Split(frame, lambda indices: images[torch.from_numpy(indices)], "toy")
    networks = build(reader, reader.Config(image_shape=(1, 28, 28)), "test")
    for module in networks.modules().values():
        module.eval()
    return reader.assess(networks, SimpleNamespace(split={"test": split}.__getitem__))


def test_a_digit_that_no_test_image_shows_has_no_accuracy():
    found = assessed([0, 1, 1, 2])["accuracy"]
    assert found["digit=7"] == {"balanced_accuracy": None, "rate": 0.0, "n": 4}
    assert found["digit=1"]["rate"] == 0.5 and 0 <= found["digit=1"]["balanced_accuracy"] <= 1


def test_without_test_images_nothing_is_measured():
    assert assessed([]) == {}


def test_log_odds_of_classes():
    """With probabilities 1/2, 1/4, 1/4 the odds are 1, 1/3 and 1/3."""
    logits = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64).log() + 3
    torch.testing.assert_close(class_log_odds(logits, [2, 0]).exp(), torch.tensor([[1 / 3, 1.0]], dtype=torch.float64))
