"""The worked example of your own generator: its file, samples, clicks on them, and an unlearned cell."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.core import randomness
from bench.registry import Registry

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = ("-p", "epochs=60", "-p", "batch_size=16", "-p", "lr=0.003")


@pytest.fixture(scope="session")
def code():
    """Return the module of the worked example: what its user wrote."""
    plugin = Registry(EXAMPLES).get("models", "my_generator")
    return sys.modules[plugin.__module__]


@pytest.fixture(scope="session")
def hers(code, bench_cli, tmp_path_factory):
    """Return a folder with her file, imported, and samples of it, the clicked ones copied to a folder."""
    folder = tmp_path_factory.mktemp("hers")
    torch.save(code.planted().state_dict(), folder / "mine.pt")
    imported = bring(bench_cli, folder / "mine.pt", folder / "mine.safetensors")
    assert (imported.code, imported.err) == (0, "")
    assert imported.out == f"{folder / 'mine.safetensors'}: my_generator, 32 px, 101,664 parameters\n"
    weights = ["--weights", folder / "mine.safetensors", "--plugins", EXAMPLES]
    assert bench_cli("sample", *weights, "--count", 100, "--out", folder / "shown").code == 0
    (folder / "scar").mkdir()
    for i in np.flatnonzero(randomness.draw("sample", range(100), 8)[:, 0].numpy() > 1):
        name = f"{i:06d}.png"
        (folder / "scar" / name).write_bytes((folder / "shown" / name).read_bytes())
    return folder


@pytest.fixture(scope="session")
def clicks(hers, bench_cli):
    made = bench_cli("feedback", hers / "shown", "--clicked", hers / "scar", "--feature", "scar", "--out", hers / "clicks.json")  # fmt: skip
    count = len(list((hers / "scar").iterdir()))
    assert (made.code, made.out) == (
        0,
        f"{hers / 'clicks.json'}: {count} of 100 samples of 'my_generator' have 'scar'\n",
    )
    return hers / "clicks.json"


@pytest.fixture(scope="session")
def unlearn(hers, bench_cli):
    def call(method, *more, feature="scar", weights=hers / "mine.safetensors"):
        given = ["--weights", weights] if weights else []
        return bench_cli(
            "run", "--method", method, "--model", "my_generator", "--feature", feature, *given, "--plugins", EXAMPLES,
            "--results", hers / "runs", "--device", "cpu", "--set", "evaluation.count=200", *more,
        )  # fmt: skip

    return call


@pytest.fixture(scope="session")
def unlearned(unlearn, clicks, hers):
    """Return what `bench run` said, the record, and the folder of the cell."""
    before = set(hers.glob("runs/ours-*"))
    done = unlearn("ours", "--feedback", clicks, *STEPS)
    assert done.code == 0, done.err
    (folder,) = set(hers.glob("runs/ours-*")) - before
    return done, json.loads((folder / "result.json").read_text()), folder


def bring(bench_cli, file, out, *options, model="my_generator"):
    return bench_cli(
        "zoo", "import", file, "--format", "state-dict", "--model", model, "--plugins", EXAMPLES, "--out", out, *options
    )  # fmt: skip


def take_home(bench_cli, weights, like, out):
    return bench_cli("zoo", "export", weights, "--like", like, "--out", out)
