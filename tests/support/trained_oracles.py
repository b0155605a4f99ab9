"""The bars, judged by two copies of a trained oracle that differ in the level they have learnt."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid
from bench.registry import Registry
from bench.toolkit.training import build
from bench.workspace.store.store import Store
from bench.workspace.weights import saving
from bench.workspace.workspace import Workspace

A, B = 0.1, 0.08  # the levels of the two copies; the samples lie between 0.04 and 0.15
COUNT, SEEN = 100, 130
FEATURE = ("--feature", "light", "--dataset", "strips", "--model", "bars")


@pytest.fixture
def world(bars, plugins, bench_cli, tmp_path):
    """Return the bars, judged by two copies of a trained oracle; ``run`` calls ``bench run`` on them."""
    for name in ("strips", "level", "keeper"):
        plugins.add(name)
    registry = Registry(plugins.path)

    def copy(name, level):
        recipe = registry.get("classifiers", "level")()
        networks = build(recipe, recipe.Config(), name)
        networks.classifier.level.data.fill_(level)
        accuracy = {"light": {"balanced_accuracy": 1 - level, "rate": 0.25, "n": 20}}
        path = tmp_path / f"{name}.safetensors"
        saving.save_networks(path, "classifier", "level", networks, {"accuracy": accuracy})
        return path

    a, b = copy("a", A), copy("b", B)
    named = ("--set", f"oracle.feedback={a}", "--set", f"oracle.evaluation={b}")

    def run(method, *more, oracles=named):
        return bench_cli(
            "run", "--method", method, *FEATURE, "--weights", bars.weights, "--plugins", plugins.path, "--results",
            tmp_path / "runs", "--device", "cpu", "--set", f"feedback.count={COUNT}", "--set",
            f"evaluation.count={SEEN}", "--set", "evaluation.metrics=target_ratio,agreement,diversity", *oracles, *more,
        )  # fmt: skip

    def keys(method="latent_edit", feedback=a, evaluation=b, params=()):
        workspace = Workspace(Registry(plugins.path), Store(tmp_path / "runs"), torch.device("cpu"))
        request = grid.Request(
            methods=[method], models=["bars"], features=["light"], dataset="strips", weights=str(bars.weights),
            overrides=(f"oracle.feedback={feedback}", f"oracle.evaluation={evaluation}"), params=params,
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        return vars(resolve(cell, workspace).keys)

    return SimpleNamespace(
        run=run, keys=keys, copy=copy, a=a, b=b, registry=registry, plugins=plugins, results=tmp_path / "runs"
    )


def brightness(generator, stream, count):
    parts = [
        to_uint8(generator(randomness.draw(stream, range(start, min(start + 64, count)), generator.noise_dim)))
        for start in range(0, count, 64)
    ]
    return torch.cat(parts).double().mean(dim=(1, 2, 3)).numpy() / 255


def record_of(done):
    assert done.code == 0, done.err + done.out
    return json.loads(done.out)


# --- what the data set says ---------------------------------------------------------------------------


@pytest.fixture
def trained(world, bench_cli, tmp_path):
    """Train a VAE on the strips for five steps; the name of its file, and more options."""

    def call(name, *more):
        out = tmp_path / f"{name}.safetensors"
        done = bench_cli(
            "pretrain", "--model", "vae", "--dataset", "strips", "--plugins", world.plugins.path, "--out", out, "-p",
            "batch_size=8", "-p", "epochs=1", *more, "--results", tmp_path / "runs",
        )  # fmt: skip
        return done, out

    return call
