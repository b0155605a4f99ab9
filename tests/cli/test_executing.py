"""Options that say who runs the cells."""

from __future__ import annotations

import pytest
import torch

from bench.core import machine
from bench.experiments.execution.backends import local


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
        (("--together",), "--together: is for several processes of torchrun. Start them with: torchrun --nproc"),
        (("--together", "--jobs", "2"), "--together: trains one cell at a time. Leave --jobs and --backend out"),
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


@pytest.mark.parametrize(
    ("named", "device", "given"),
    [
        (None, "cuda", ["0", "1", "2", "3", "0"]),
        ("5,7", "cuda", ["5", "7", "5", "7", "5"]),
        ("GPU-1f2e", "cuda", ["GPU-1f2e"] * 5),
        (None, "cuda:2", [None] * 5),  # one GPU was named: all use it
        (None, "cpu", [None] * 5),
    ],
)
def test_each_worker_gets_a_gpu(named, device, given, monkeypatch):
    started = []
    monkeypatch.setattr(local, "WorkerProcess", lambda tell, environment: started.append(environment) or Started())
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    with local.Local(5, torch.device(device), print) as workers:
        for _ in range(5):
            workers.submit(Started())
    assert [each.get("CUDA_VISIBLE_DEVICES") for each in started] == given


class Started:
    """A job, and the worker that it is given to."""

    def __getattr__(self, name):
        return lambda *given, **named: None


def test_gpus_without_a_cell_have_a_worker_that_helps(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [local.most(cells, torch.device("cuda")) for cells in (0, 1, 4, 100)] == [4, 4, 4, 100]
    assert [local.most(cells, torch.device("cpu")) for cells in (0, 1, 100)] == [1, 1, 100]


@pytest.mark.parametrize(("rank", "device"), [(None, "cuda"), ("0", "cuda:0"), ("3", "cuda:3"), ("5", "cuda:1")])
def test_a_process_of_torchrun_has_a_gpu_of_its_own(rank, device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert machine.choose_device("auto") == torch.device(device)
    assert machine.choose_device("cpu") == torch.device("cpu")
