"""The script for a GPU, at toy size on the CPU: every part runs, and what it writes can be read and used."""

from __future__ import annotations

import json

import gpu_training
import numpy as np
import pandas as pd
import pytest
import rendered_celeba
import torch
from attribute_rates import agrees
from click.testing import CliRunner
from gpu_training import Plan
from on_gpu import main

from bench.registry import Registry
from bench.workspace import loading
from bench.workspace.observers import load_observer


def run(out, *options):
    """Run the script at toy size; return its folder."""
    words = ["--out", str(out), "--minutes", "0.01", "--device", "cpu", "--toy", *map(str, options)]
    CliRunner().invoke(main, words, env={"BENCH_DATA": ""}, catch_exceptions=False)
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run(tmp_path_factory.mktemp("on-gpu"))


@pytest.mark.slow
def test_the_suite_of_photographs_is_trained_and_described(tmp_path):
    data = rendered_celeba.write(tmp_path / "data")
    rows = json.loads((run(tmp_path / "out", "--dataset", "celeba", "--data-dir", data) / "on-gpu.json").read_text())[
        "rows"
    ]
    trained = {row["what"]: row for row in rows if row["what"].startswith("train ")}
    names = ("mobilenet-celeba-0", "mobilenet-celeba-1", "faces-celeba-0", "proggan-celeba-0", "vdvae-celeba-0")
    assert [*trained] == [f"train {name}" for name in names]
    assert {row["data"] for row in trained.values()} == {"CelebA, 48 photographs"}
    looked = {row["what"]: row for row in rows if row["what"].startswith("samples of ")}
    assert [*looked] == ["samples of proggan-celeba-0", "samples of vdvae-celeba-0"]
    assert all(row["fid"] > 0 and row["n"] == 128 for row in looked.values())
    files = [str(tmp_path / "out" / f"mobilenet-celeba-{seed}.safetensors") for seed in (0, 1)]
    loaded = [load_observer(Registry(), "classifiers", "mobilenet", file) for file in files]
    assert loaded[0].sha256 != loaded[1].sha256 and {"bang", "beard"} <= {*loaded[0].classifier.cuts}


@pytest.mark.slow
def test_every_part_runs_and_says_how_long_it_took(folder):
    rows = json.loads((folder / "on-gpu.json").read_text())["rows"]
    whats = [row["what"] for row in rows]
    for name in ("vdvae", "proggan"):
        assert {f"train {name}-synthfaces-0", f"samples of {name}-synthfaces-0", f"samples of {name}-synthfaces"} <= {
            *whats
        }
        assert f"paper {name}: training step" in whats
    for name in ("vae", "dcgan", "proggan", "vdvae", "paper vdvae", "paper proggan"):
        for what in ("unlearning step", "sampling"):
            found = [row for row in rows if row["what"] == f"{name}: {what}"]
            assert [row["precision"] for row in found] == ["float32", "bfloat16"]
            assert all(row["seconds"] > 0 and row["floor_seconds"] > 0 for row in found)
    assert {"metric: judge", "metric: fid[faces]"} <= {*whats}
    assert all(row["small_enough"] for row in rows if row["what"].startswith("train "))


@pytest.mark.slow
def test_what_it_trained_can_be_loaded_and_was_looked_at(folder):
    rates = pd.read_csv(folder / "rates.csv")
    assert rates.groupby("weights").size().to_dict() == dict.fromkeys(
        ("vdvae-synthfaces", "proggan-synthfaces", "vdvae-synthfaces-0", "proggan-synthfaces-0"), 34
    )
    for name in ("vdvae", "proggan"):
        generator = loading.load_original(Registry(), folder / f"{name}-synthfaces-0.safetensors", name).generator
        shipped = loading.load_original(Registry(), f"{name}-synthfaces").generator
        noise = torch.randn(2, generator.noise_dim, generator=torch.Generator().manual_seed(0))
        assert not torch.equal(generator(noise), shipped(noise)), "it was trained"
        assert (folder / f"grid-{name}-synthfaces-0.png").stat().st_size > 10_000


def test_a_rate_agrees_within_a_quarter_or_two_points():
    assert agrees(0.6, 0.5) and not agrees(0.63, 0.5)
    assert agrees(0.029, 0.01) and agrees(0.0, 0.02) and not agrees(0.0, 0.03)


def test_held_images_are_those_of_the_split():
    dataset = Registry().get("datasets", "synthfaces")(None)
    split = gpu_training.held(dataset, "test", 6, torch.device("cpu"), 1)
    assert len(split) == 6 and len(split.attributes) == 6
    assert torch.equal(split.read(np.array([4, 1])), dataset.split("test").read(np.array([4, 1])))


def test_a_training_begins_with_the_weights_it_names():
    dataset = Registry().get("datasets", "synthfaces")(None)
    plan = Plan("models", "proggan", "synthfaces", 1.0, "proggan-synthfaces", {"batch_size": 4})
    _, networks = gpu_training.networks_for(plan, dataset, torch.device("cpu"))
    shipped = loading.load_original(Registry(), "proggan-synthfaces").networks
    assert networks.config.batch_size == 4
    weights, expected = networks.generator.state_dict(), shipped.generator.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in expected.items())
