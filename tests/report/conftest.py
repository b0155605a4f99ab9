"""``bench table`` on a suite of small models."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def suite(bars, tmp_path_factory):
    """Write a suite of two small models, on which every cell takes a moment."""
    path = tmp_path_factory.mktemp("suite") / "small.toml"
    quick = {"ours": "epochs = 2\nbatch_size = 8", "probe": "epochs = 2\nbatch_size = 8\nprobe_steps = 5\nmoves = 2"}
    parts = []
    for model, weights in (("bars", bars.weights), ("vae", "vae-mnist")):
        parts.append(f'[models.{model}]\ndataset = "mnist"\nweights = "{weights}"\n')
        parts.append(f"[models.{model}.feedback]\ncount = 60\n[models.{model}.evaluation]\ncount = 70\n")
        parts += [f"[models.{model}.methods.{method}]\n{fields}\n" for method, fields in quick.items()]
    path.write_text("\n".join(parts))
    return path


@pytest.fixture
def table(suite, bars, bench_cli, tmp_path, monkeypatch):
    """Call ``bench table``; returns the outcome and the tidy rows."""
    monkeypatch.delenv("BENCH_DATA", raising=False)

    def call(name, *more, plugins=bars.folder.path):
        done = bench_cli(
            "table", name, "--suite", suite, "--plugins", plugins, "--results", tmp_path / "runs", "--device", "cpu",
            "--out", tmp_path / "out", *more,
        )  # fmt: skip
        written = [Path(line) for line in done.out.splitlines() if line.endswith(".csv")]
        return done, [row for path in written for row in csv.DictReader(path.read_text().splitlines())]

    return call
