"""The script for a GPU, at toy size on the CPU: every part runs, and what it writes can be read and used."""

from __future__ import annotations

import json
import shutil
import time
from functools import partial

import gpu_speed
import gpu_training
import numpy as np
import on_gpu
import pandas as pd
import pytest
import rendered_celeba
import torch
from attribute_rates import agrees
from click.testing import CliRunner
from gpu_training import Plan
from on_gpu import main

from bench.registry import Registry
from bench.workspace.weights import loading
from bench.workspace.weights.observers import load_observer


def run(out, *options):
    """Run the script at toy size; return its folder."""
    words = ["--out", str(out), "--minutes", "60", "--device", "cpu", "--toy", *map(str, options)]
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


def test_without_photographs_for_testing_rates_are_of_those_for_training(tmp_path, monkeypatch):
    data = rendered_celeba.write(tmp_path / "data")
    parts = data / "celeba" / "list_eval_partition.txt"
    parts.write_text("".join(f"{number:06}.jpg 0\n" for number in range(1, 49)))
    looked = []
    monkeypatch.setattr(on_gpu, "celeba_plans", lambda toy: [Plan("classifiers", "mobilenet", "celeba", 0.1, None, {})])
    monkeypatch.setattr(on_gpu, "trained", lambda *given: (None, {"what": "train"}))
    monkeypatch.setattr(on_gpu.attribute_rates, "rates", lambda judge, images: looked.append(len(images)))
    report = on_gpu.Report(tmp_path, torch.device("cpu"), 600.0)
    on_gpu.train_celeba(report, torch.device("cpu"), on_gpu.TOY, data)
    assert looked == [48] and report.rows[1] == {"what": "no photograph of the split test", "instead": "all"}


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
    assert not any("skipped" in row for row in rows) and len([*folder.iterdir()]) <= 8
    assert all(row["small_enough"] for row in rows if row["what"].startswith("train "))


@pytest.mark.slow
def test_what_it_trained_can_be_loaded_and_was_looked_at(folder):
    rates = pd.DataFrame(json.loads((folder / "on-gpu.json").read_text())["rates"])
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
    split = gpu_training.held(dataset, "synthfaces", "test", 6, torch.device("cpu"), 1)
    assert len(split) == 6 and len(split.attributes) == 6
    assert torch.equal(split.read(np.array([4, 1])), dataset.split("test").read(np.array([4, 1])))


def test_photographs_in_an_archive_are_read_by_processes_once_for_all_parts(tmp_path, monkeypatch):
    data = rendered_celeba.write(tmp_path / "data", 16)
    folder = data / "celeba" / "img_align_celeba"
    shutil.make_archive(str(folder), "zip", folder)
    shutil.rmtree(folder)
    monkeypatch.setattr(gpu_training, "WORTH", 8)
    monkeypatch.setattr(on_gpu.os, "cpu_count", lambda: 2)
    dataset = Registry().get("datasets", "celeba")(data)
    assert len(dataset.split("test")), "the archive is open"
    whole, parts = on_gpu.photographs(dataset, on_gpu.TOY, torch.device("cpu"))
    assert len(whole) == 16
    for name, held in (("all", whole), *parts.items()):
        split = dataset.split(name)
        places = np.arange(len(split))[::-1].copy()
        assert torch.equal(held.read(places), split.read(places)) and held.attributes.equals(split.attributes)


class Slow:
    """A plug-in whose very first step takes a second, as on a GPU that loads its libraries."""

    def __init__(self):
        self.progress = []

    def optimisers(self, networks):
        return {}

    def training_step(self, networks, optimisers, batch, rng, progress):
        time.sleep(0.01 if self.progress else 1.0)
        self.progress.append(progress)
        return {"loss": torch.tensor(len(self.progress))}


@pytest.mark.parametrize("seconds", [0.3, 1e-9])
def test_a_training_ends_at_its_time_although_the_first_step_is_slow(seconds, tmp_path, monkeypatch):
    dataset = Registry().get("datasets", "synthfaces")(None)
    split = gpu_training.held(dataset, "synthfaces", "test", 6, torch.device("cpu"), 1)
    plan = Plan("models", "vae", "synthfaces", 1.0, "vae-mnist", {"batch_size": 4})
    slow, (_, networks) = Slow(), gpu_training.networks_for(plan, dataset, torch.device("cpu"))
    monkeypatch.setattr(gpu_training, "networks_for", lambda *given: (slow, networks))
    _, row = gpu_training.trained(plan, dataset, split, seconds, torch.device("cpu"), tmp_path)
    counted = slow.progress[gpu_training.WARM :]
    assert row["steps"] == len(counted) <= 30 and counted == sorted(counted) and 0 <= counted[0] <= counted[-1] < 1
    assert (tmp_path / row["file"]).exists() and row["seconds"] < seconds + 10
    if seconds > 0.1:
        assert row["seconds"] >= seconds
        assert counted[-1] > 0.3, "the schedule follows the clock"


def test_what_comes_late_is_skipped_and_says_so(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(on_gpu.time, "perf_counter", lambda: clock[0])

    def row_of(what):
        clock[0] += 4.0
        return {"what": what}

    report = on_gpu.Report(tmp_path, torch.device("cpu"), 100.0)
    plans = [Plan("models", name, "synthfaces", share) for name, share in (("a", 0.6), ("b", 0.4), ("c", 0.2))]
    seconds = []
    for _, given in report.trainings(plans, 1e9):
        seconds.append(given)
        clock[0] += given + 20  # what is seen in them takes time of the later ones
    assert seconds == pytest.approx([75 * 0.5, (75 - 57.5) * 0.4 / 0.6])
    clock[0] = 93.0
    report.measure((what, partial(row_of, what)) for what in ("first", "second", "third", "fourth"))
    rows = json.loads((tmp_path / "on-gpu.json").read_text())["rows"]
    late = {"skipped": "no time"}
    assert rows == [
        {"what": "train c-synthfaces-0", **late},
        *({"what": what} for what in ("first", "second")),
        *({"what": what, **late} for what in ("third", "fourth")),
    ]


# --- speed --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_twelve_steps_of_one_code_object_are_all_compiled():
    def step_of(size):
        weight = torch.ones(size)
        return lambda: (weight * size).sum()

    rows = [gpu_speed.compiled(step_of(size), 1, backend="eager") for size in range(2, 14)]
    assert all(row["graphs"] >= 1 and row["seconds"] > 0 for row in rows)
    assert gpu_speed.compiled(lambda: None, 1, backend="eager") == {
        "failed": "no graph was made: this is the speed of code that is not compiled"
    }


def test_a_row_says_whether_a_gpu_rounds_to_tf32():
    switches = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [each.allow_tf32 for each in switches]
    for precision in gpu_speed.PRECISIONS:
        with gpu_speed.computing(precision):
            assert {each.allow_tf32 for each in switches} == {precision == "tf32"}
        assert [each.allow_tf32 for each in switches] == before


def test_the_loss_of_a_step_is_computed_in_float32(monkeypatch):
    generator, seen = loading.load_original(Registry(), "vae-mnist").generator, []
    real = gpu_speed.loss_terms

    def terms(images, targets, flagged, params):
        seen.append((images.dtype, targets.dtype, torch.is_autocast_enabled("cpu")))
        return real(images, targets, flagged, params)

    monkeypatch.setattr(gpu_speed, "loss_terms", terms)
    monkeypatch.setattr(generator.__class__, "forward", watched(generator.__class__.forward, seen))
    gpu_speed.unlearning(generator, 4, "bfloat16")()
    assert seen[-1] == (torch.float32, torch.float32, False) and {True} == {*seen[:-1]}, "networks cast, the loss not"


def watched(real, seen):
    def forward(self, *given):
        seen.append(torch.is_autocast_enabled("cpu"))
        return real(self, *given)

    return forward


def test_a_training_begins_with_the_weights_it_names():
    dataset = Registry().get("datasets", "synthfaces")(None)
    plan = Plan("models", "proggan", "synthfaces", 1.0, "proggan-synthfaces", {"batch_size": 4})
    _, networks = gpu_training.networks_for(plan, dataset, torch.device("cpu"))
    shipped = loading.load_original(Registry(), "proggan-synthfaces").networks
    assert networks.config.batch_size == 4
    weights, expected = networks.generator.state_dict(), shipped.generator.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in expected.items())
