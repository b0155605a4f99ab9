"""Options that say who runs the cells."""

from __future__ import annotations

import pytest
import torch

from bench.experiments.backends import local


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--jobs", "0"), "'0' is not understood. Write a number from 1 to 9999, or auto"),
        (("--jobs", "many"), "'many' is not understood"),
        (("--time-limit", "soon"), "'soon' is not understood. Write 90s, 30m, 2h or 1d"),
        (("--time-limit", "0"), "'0' is not understood"),
        (("--memory-limit", "4 parsecs"), "Write 4GB or 500MB"),
        (("--scheduler", "tcp://a:1"), "--scheduler: is for --backend dask. Add that, or leave --scheduler out"),
        (("--slurm", "partition=x"), "--slurm: is for --backend slurm. Add that, or leave --slurm out"),
        (("--backend", "serial", "--jobs", "2"), "--backend serial: runs one cell at a time"),
    ],
)
def test_what_cannot_be_is_told(argv, words, on_bars):
    done = on_bars("original", *argv)
    assert done.code == 4 and words in done.err


@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("slurm", "submitit")])
def test_a_missing_package_is_told_with_what_installs_it(backend, package, on_bars, monkeypatch):
    monkeypatch.setattr("bench.cli.executing.find_spec", lambda name: None)
    done = on_bars("original", "--backend", backend)
    assert done.code == 4 and f"'{package}'" in done.err and f"feature-unlearning-bench[{backend}]" in done.err


@pytest.mark.parametrize(
    ("cells", "cores", "memory", "jobs"),
    [(100, 8, 1e12, 8), (3, 8, 1e12, 3), (100, 8, 5e9, 2), (100, 8, 1e8, 1), (0, 8, 1e12, 1)],
)
def test_automatic_jobs_fit_cells_cores_and_memory(cells, cores, memory, jobs, monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: cores)
    monkeypatch.setattr(local, "_free_memory", lambda: memory)
    assert local.automatic(cells, torch.device("cpu")) == jobs


def test_cores_are_divided(monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: 8)
    assert [local.Local(jobs, torch.device("cpu"), print).threads for jobs in (1, 2, 3, 8, 20)] == [8, 4, 2, 1, 1]
