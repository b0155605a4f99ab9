"""Several cells at once on this machine, each in a worker process (``bench.experiments.execution.worker``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from typing import Any, Self

import torch

from bench.core.processes.family import PROC
from bench.experiments.execution.backends.base import End, Job, cores
from bench.experiments.execution.worker_process import Lost, WorkerProcess, stop_all

CELL_MEMORY = 2.0e9  # bytes that the processes of one cell take, roughly; only for --jobs auto


class Local:
    """Runs ``jobs`` cells at once; the cores are divided between them, and so are the GPUs.

    Parameters
    ----------
    jobs : int
    device : torch.device
        Of the cells.
    tell : callable
        Told what workers write to standard error.
    threads : int, optional
        Of each cell's processes; by default, cores divided by jobs.
    """

    shares = True

    def __init__(
        self, jobs: int, device: torch.device, tell: Callable[[str], None], threads: int | None = None
    ) -> None:
        self.capacity = jobs
        self.threads = threads or max(cores() // jobs, 1)
        self._tell, self._gpus = tell, _gpus(device)
        self._workers: dict[int, WorkerProcess] = {}  # by place
        self._jobs: dict[int, Job] = {}  # those that run, by the worker's place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        stop_all(self._workers.values())
        self._workers.clear()

    def submit(self, job: Job) -> None:
        place = next(place for place in range(self.capacity) if place not in self._jobs)
        if place not in self._workers:
            self._workers[place] = WorkerProcess(self._tell, self._environment(place))
        self._jobs[place] = job
        self._workers[place].give(job.written(self.threads))

    def ended(self, seconds: float) -> Sequence[End]:
        places = {self._workers[place].fileno(): place for place in self._jobs}
        return [self._end(places[each]) for each in wait([*places], seconds) if isinstance(each, int)]

    def _end(self, place: int) -> End:
        job = self._jobs.pop(place)
        try:
            return End(job, error=self._workers[place].answer())
        except Lost as error:
            self._workers.pop(place).end()
            return End(job, lost=str(error))

    def _environment(self, place: int) -> dict[str, str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self.threads))
        gpu = {"CUDA_VISIBLE_DEVICES": self._gpus[place % len(self._gpus)]} if self._gpus else {}
        return threads | gpu


def most(cells: int, device: torch.device) -> int:
    """Return how many workers have something to do: one for each cell; GPUs that are left help to evaluate cells."""
    return max(cells, len(_gpus(device)), 1)


def automatic(useful: int, device: torch.device) -> int:
    """Return how many of some workers to start: one for each core or GPU, as far as the memory goes."""
    places = len(_gpus(device)) or cores()
    return max(min(places, int(_free_memory() / CELL_MEMORY), useful), 1)


def _gpus(device: torch.device) -> list[str]:
    """Return the GPUs that cells share, as CUDA_VISIBLE_DEVICES names them; none on the CPU, or if one was named."""
    if device.type != "cuda" or device.index is not None:
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return named.split(",") if named else [str(i) for i in range(torch.cuda.device_count())]


def _free_memory() -> float:
    """Return the bytes of memory that are free; infinite if the system does not say."""
    try:
        lines = (PROC / "meminfo").read_text("utf-8").splitlines()
    except OSError:
        return float("inf")
    return next((int(line.split()[1]) * 1024.0 for line in lines if line.startswith("MemAvailable")), float("inf"))
