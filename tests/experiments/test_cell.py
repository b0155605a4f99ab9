"""A cell is stored whole, its weights draw what was evaluated, and the same cell gives the same numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from small_cells import QUICK, folders, records

import bench
from bench.core import randomness
from bench.core.code_hash import digest
from bench.core.rendering import to_uint8
from bench.registry import Registry
from bench.workspace.weights import checkpoint

FIELDS = {"format", 
    "key", "status", "reason", "suite", "method", "model", "dataset", "feature", "seed", "params", "needs", "metrics",
    "skipped_metrics", "metric_runs", "provenance", "timings", "artefacts", "step",
}  # fmt: skip


# --- the shipped generator ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped(bench_cli, tmp_path_factory):
    """Run one small cell on the shipped VAE; returns its results folder and record."""
    results = tmp_path_factory.mktemp("shipped")
    done = bench_cli(
        "run", "--method", "ours", "--model", "vae", "--feature", "thickness", "--results", results, "--json",
        "--device", "cpu", "--set", "feedback.count=200", "--set", "evaluation.count=256", "-p", "epochs=25",
    )  # fmt: skip
    assert done.code == 0, done.err
    (folder,) = [p for p in results.iterdir() if p.name != ".stages"]
    return folder, json.loads(done.out)


def thick(generator, stream, count, record):
    """Count the samples of a stream that are thick by the cut of a record."""
    oracle = Registry().get("classifiers", "morpho_mnist")()
    found, threshold = 0, record["provenance"]["oracle"]["threshold"]
    for start in range(0, count, 64):
        indices = range(start, min(start + 64, count))
        images = to_uint8(generator(randomness.draw(stream, indices, generator.noise_dim)))
        found += int((oracle.scores(images, ["thickness"])[:, 0] >= threshold).sum())
    return found


def test_a_cell_on_the_shipped_vae_is_stored_whole(shipped):
    folder, record = shipped
    assert {**record, "sha256": digest(record)} == json.loads((folder / "result.json").read_text())
    assert folder.name == f"ours-vae-thickness-s0-{record['key'][:16]}"
    assert record.keys() == FIELDS and record["status"] == "ok" and record["reason"] is None
    assert record["needs"] == [] and record["params"]["epochs"] == 25 and record["params"]["alpha"] == 3.0
    clicked = thick(bench.load("vae-mnist").generator, "feedback/0", 200, record)
    told = {name: record["provenance"]["feedback"][name] for name in ("count", "positives")}
    assert told == {"count": 200, "positives": clicked} and clicked > 0
    assert (
        record["provenance"]["weights"]["sha256"]
        == checkpoint.read(bench.workspace.manifest.path_of("vae-mnist")).sha256
    )
    assert record["provenance"]["data"] == "MNIST (real)" and record["provenance"]["machine"]["threads"] == 1
    assert set(record["timings"]) == {"feedback", "unlearn", "evaluate"}
    for timing in record["timings"].values():
        assert timing["seconds"] > 0 and timing["peak_memory_mb"] > 50
    weights = checkpoint.read(folder / record["artefacts"]["weights"]["file"])
    assert weights.sha256 == record["artefacts"]["weights"]["sha256"]
    assert weights.description["method"] == "ours" and weights.part("identifier").keys() >= {"unit", "threshold"}
    assert (folder / record["artefacts"]["picture"]["file"]).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_its_metrics_are_those_of_the_design(shipped):
    metrics = shipped[1]["metrics"]
    for name in (
        "target_ratio", "original_target_ratio", "roc_auc", "retain_change", "attribute_shift",
        "inception_score[digits]", "fid[digits]", "fid_change[digits]", "fid_retain[digits]", "kid[digits]",
    ):  # fmt: skip
        assert set(metrics[name]) == {"value", "n", "higher_is_better", "low", "high", "covers", "source", "metric"}, (
            name
        )
    assert metrics["target_ratio"]["value"] < metrics["original_target_ratio"]["value"]
    assert metrics["roc_auc"]["value"] > 0.8 and 0 < metrics["retain_change"]["value"] < 0.2
    assert metrics["fid[digits]"]["source"] == "MNIST (real); extractor digits; 256 samples of vae"
    assert metrics["target_ratio"]["source"] == "MNIST (real); oracle morpho_mnist; 256 samples of vae"
    level, change = metrics["fid[digits]"], metrics["fid_change[digits]"]
    assert (level["covers"], change["covers"]) == ("samples", "samples, in pairs of the same noise")
    for value in metrics.values():
        if value["low"] is not None:
            assert value["low"] <= value["value"] <= value["high"]


def test_its_generator_comes_back_and_draws_the_evaluated_images(shipped, bench_cli, tmp_path):
    folder, record = shipped
    loaded = bench.load(folder / "unlearned.safetensors").generator
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    positives = thick(loaded, randomness.EVALUATION, 256, record)
    assert positives / 256 == record["metrics"]["target_ratio"]["value"]
    out = tmp_path / "drawn"
    done = bench_cli("sample", "--weights", folder / "unlearned.safetensors", "--count", 5, "--out", out)
    images = [f"{i:06d}.png" for i in range(5)]
    assert done.code == 0 and sorted(p.name for p in out.iterdir()) == [*images, "grid.png", "samples.json"]
    expected = to_uint8(loaded(randomness.draw("sample", range(5), loaded.noise_dim)))[:, 0].numpy()
    for i in range(5):
        with Image.open(out / f"{i:06d}.png") as image:
            assert np.array_equal(np.asarray(image.convert("L")), expected[i])


# --- the same again, and otherwise --------------------------------------------------------------------


def test_the_same_seed_in_two_stores_is_the_same_to_the_last_bit(bars, bench_cli, tmp_path):
    found = []
    for name in ("a", "b"):
        done = bench_cli(
            "run", "--method", "ours,probe,latent_edit,reject", "--model", "bars", "--dataset", "mnist", "--weights",
            bars.weights, "--feature", "slant", "--plugins", bars.folder.path, "--results", tmp_path / name,
            "--set", "feedback.count=100", "--set", "evaluation.count=130", "--device", "cpu", "--json", *QUICK,
            "-p", "probe_steps=50",
        )  # fmt: skip
        assert done.code == 0, done.err
        found.append(records(done))
        torch.randn(7)  # the global random state is another one the second time
    assert [r["metrics"] for r in found[0]] == [r["metrics"] for r in found[1]]
    assert [r["artefacts"]["weights"] for r in found[0]] == [r["artefacts"]["weights"] for r in found[1]]
    assert [r["artefacts"]["picture"] for r in found[0]] == [r["artefacts"]["picture"] for r in found[1]]
    assert len({r["artefacts"]["weights"]["sha256"] for r in found[0]}) == 4


def test_metrics_do_not_depend_on_the_block_or_on_what_was_cached(on_bars, tmp_path, monkeypatch):
    first = records(on_bars("ours", "--json", *QUICK))[0]
    warm = records(on_bars("ours", "--json", *QUICK, "-p", "lr=0.0011"))[0]  # the original's columns are stored now
    (tmp_path / "runs").rename(tmp_path / "other")
    monkeypatch.setattr("bench.evaluation.passes.BLOCK", 64)
    assert records(on_bars("ours", "--json", *QUICK))[0]["metrics"] == first["metrics"]
    cold = records(on_bars("ours", "--json", *QUICK, "-p", "lr=0.0011", "--overwrite", "always"))[0]
    assert cold["metrics"] == warm["metrics"] != first["metrics"]


def test_a_stored_cell_is_not_run_again_unless_asked(on_bars, tmp_path):
    first = on_bars("ours", "--json", *QUICK)
    (folder,) = folders(tmp_path)
    written = (folder / "result.json").stat().st_mtime_ns
    assert on_bars("ours", "--json", *QUICK).out == first.out
    assert "stored before" in on_bars("ours", *QUICK).out
    assert (folder / "result.json").stat().st_mtime_ns == written
    again = on_bars("ours", "--json", *QUICK, "--overwrite", "always")
    assert (folder / "result.json").stat().st_mtime_ns > written
    assert records(again)[0]["metrics"] == records(first)[0]["metrics"]
    assert records(again)[0]["artefacts"] == records(first)[0]["artefacts"]


def test_seeds_differ_and_the_evaluation_samples_do_not(on_bars):
    a, b = records(on_bars("ours", "--seed", "0,1", "--json", *QUICK))
    assert (a["seed"], b["seed"]) == (0, 1)
    assert a["artefacts"]["weights"]["sha256"] != b["artefacts"]["weights"]["sha256"]
    assert a["provenance"]["stages"]["original"] == b["provenance"]["stages"]["original"]
    assert a["provenance"]["oracle"]["threshold"] == b["provenance"]["oracle"]["threshold"], "one cut for all"


# --- grids --------------------------------------------------------------------------------------------


def test_a_method_without_feedback_is_trained_once_for_all_seeds(plugins, on_bars, tmp_path, monkeypatch):
    counter = tmp_path / "calls"
    counter.write_text("")
    monkeypatch.setenv("TEST_CALLS", str(counter))
    plugins.add("blind")
    found = records(on_bars("blind", "--seed", "0-2", "--json", plugins=plugins.path))
    assert counter.read_text() == "x"
    assert len({r["provenance"]["stages"]["unlearn"] for r in found}) == 1
    assert len({r["artefacts"]["weights"]["sha256"] for r in found}) == 1
    assert len({r["key"] for r in found}) == 3


@pytest.mark.parametrize("needs", [[], ["oracle"], ["encoder"], ["oracle", "encoder"]])
def test_methods_get_what_they_need_and_nothing_else(needs, plugins, on_bars):
    plugins.add("curious", ("needs = frozenset()", f"needs = frozenset({needs!r})"))
    done = on_bars("curious", "--json", plugins=plugins.path)
    assert done.code == 0, done.out
    assert records(done)[0]["needs"] == sorted(needs)


@pytest.mark.mnist
def test_training_data_is_handed_over_on_demand(plugins, on_bars, mnist_dir, monkeypatch):
    plugins.add("hungry")
    scores = np.where(np.arange(60_000) % 10 == 0, 9.0, 0.0)  # measuring 60,000 images takes a minute
    monkeypatch.setattr("bench.evaluation.targets._scores", lambda *_: scores)
    done = on_bars("hungry", "--data-dir", mnist_dir, "--json", plugins=plugins.path)
    assert done.code == 0, done.out + done.err


# --- what goes wrong ----------------------------------------------------------------------------------


def test_the_smallest_counts_work(bars, bench_cli, tmp_path):
    done = bench_cli(
        "run", "--method", "ours", "--model", "bars", "--dataset", "mnist", "--weights", bars.weights, "--feature",
        "slant", "--plugins", bars.folder.path, "--results", tmp_path, "--json", "--set", "feedback.count=2",
        "--set", "evaluation.count=2", "-p", "epochs=1", "-p", "batch_size=2", "--set", "oracle.cut=shown",
    )  # fmt: skip
    assert done.code == 0, done.out + done.err
    record = records(done)[0]
    assert record["metrics"]["target_ratio"]["n"] == 2
    assert set(record["metrics"]) | set(record["skipped_metrics"]) >= {"roc_auc", "retain_change"}
