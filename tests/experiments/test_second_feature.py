"""Unlearned weights as the original of a further unlearning: a second feature goes, too."""

import json

import pytest

import bench
from bench.errors import UsageError

SMALL = ("--set", "feedback.count=100", "--set", "evaluation.count=100")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("second")


@pytest.fixture(scope="module")
def unlearn(bench_cli, folder):
    """Call ``bench run`` on the shipped VAE or on other weights; returns the outcome and the record printed."""

    def call(method, feature, *more):
        cell = ("--method", method, "--model", "vae", "--feature", feature, *SMALL, *more)
        done = bench_cli("run", *cell, "--results", folder / "runs", "--device", "cpu")
        stored = sorted(folder.glob(f"runs/{method}-vae-{feature}-s0-*/result.json"))
        return done, json.loads(stored[-1].read_text()) if stored else None

    return call


@pytest.fixture(scope="module")
def first(unlearn, folder):
    done, _ = unlearn("ours", "thickness", "-p", "epochs=30")
    assert done.code == 0, done.err
    (path,) = folder.glob("runs/ours-vae-thickness-*/unlearned.safetensors")
    return path


def test_a_second_feature_is_unlearned_from_unlearned_weights(unlearn, first, folder):
    done, record = unlearn("ours", "slant", "-p", "epochs=2", "--weights", first)
    assert done.code == 0 and record["status"] == "ok", done.err
    (second,) = folder.glob("runs/ours-vae-slant-*/unlearned.safetensors")
    described = bench.workspace.weights.checkpoint.read(second).description
    assert described["original_sha256"] == bench.workspace.weights.checkpoint.read(first).sha256
    original, before, after = (bench.sample(bench.load(file), 20) for file in ("vae-mnist", first, second))
    assert 0 < abs(after - before).mean() < abs(after - original).mean(), "the first feature stays unlearned"


def test_what_takes_more_than_the_generator_is_skipped_with_the_reason(unlearn, first):
    done, record = unlearn("retrain", "slant", "--weights", first)
    assert done.code == 0 and record["status"] == "skipped"
    assert record["reason"] == "needs the encoder, which these weights do not have"
    planned, _ = unlearn("retrain", "slant", "--weights", first, "--seed", "1", "--dry-run")
    assert planned.out.startswith("skip    retrain-vae-slant-s1-")
    assert "(needs the encoder, which these weights do not have)" in planned.out


def test_an_edit_around_the_weights_is_refused(unlearn, folder):
    assert unlearn("latent_edit", "thickness")[0].code == 0
    (path,) = folder.glob("runs/latent_edit-vae-thickness-*/unlearned.safetensors")
    done, _ = unlearn("ours", "slant", "--weights", path)
    assert done.code == 4 and done.err.startswith(
        f"Error: {path}: the method 'latent_edit' changed the structure of the generator"
    )
    assert done.err.endswith("Start from the weights that it was given\n")
    edited = bench.load(path)
    feedback = bench.make_feedback(bench.sample(edited, 50).mean(axis=(1, 2, 3)) > 0.15, stream="sample")
    with pytest.raises(UsageError, match="'latent_edit' changed the structure of the generator"):
        bench.unlearn(edited, feedback, epochs=1)


def test_in_python_a_loaded_one_is_unlearned_further_and_saved(first, tmp_path):
    generator = bench.load(first)
    feedback = bench.make_feedback(bench.sample(generator, 50).mean(axis=(1, 2, 3)) > 0.15, stream="sample")
    further = bench.unlearn(generator, feedback, epochs=1)
    in_memory = bench.unlearn(further, feedback, epochs=1)
    with pytest.raises(UsageError, match="for a second feature, save the first unlearned generator and bench.load it"):
        bench.save(in_memory, tmp_path / "in_memory.safetensors")
    path = bench.save(further, tmp_path / "further.safetensors")
    assert (bench.sample(bench.load(path), 2) == bench.sample(further, 2)).all()
    with pytest.raises(UsageError, match="needs the encoder, which these weights do not have"):
        bench.unlearn(generator, feedback, method="retrain", task=bench.Task("slant", "mnist"))
