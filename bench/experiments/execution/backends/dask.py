"""Cells on a Dask cluster: workers of this machine, or those of any scheduler that is running.

A task is the path of a cell's file. The Dask worker that gets it hands it to its own worker process,
and returns what that says, as text. All of them need the same results folder, plug-ins and data.
"""

from __future__ import annotations

import atexit
import contextlib
import queue
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import dask
from distributed import Client, Future, LocalCluster

from bench.core.processes.line import error_of
from bench.errors import BenchError, UsageError
from bench.experiments.execution.backends.base import End, Job, cores
from bench.experiments.execution.worker_process import Lost, WorkerProcess, stop_all

CONNECT = "10s"
CLOSE = 3  # seconds
_workers: list[WorkerProcess] = []  # of this Dask worker: at most one


class Dask:
    """Gives each Dask worker one cell at a time.

    Parameters
    ----------
    jobs : int
        Workers to start here, without a scheduler.
    scheduler : str or None
        Address of a running one.
    gpu : bool
        Give cells to workers that were started with ``--resources GPU=1``, if there are any.
    tell : callable
        Told what the adapter has to say.

    Raises
    ------
    UsageError
        If the scheduler cannot be reached.
    """

    shares = False

    def __init__(self, jobs: int, scheduler: str | None, gpu: bool, tell: Callable[[str], None]) -> None:
        dask.config.set({"distributed.comm.timeouts.connect": CONNECT})
        self._cluster, self._gpu, self._tell = None, gpu, tell
        self._threads = max(cores() // jobs, 1) if scheduler is None else None
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._jobs: dict[Future, Job] = {}
        self._tries = 0
        if scheduler is None:
            self._cluster = LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None, silence_logs=50)
        try:
            self._client = Client(self._cluster or scheduler, timeout=CONNECT)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"--scheduler {scheduler}: cannot be reached ({error}). Start one with: dask scheduler"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        with contextlib.suppress(Exception):  # a cluster that has gone cannot be asked
            if self._jobs:
                self._client.run(stop, nanny=False, on_error="ignore")
        for each in filter(None, (self._client, self._cluster)):
            with contextlib.suppress(TimeoutError):
                each.close(timeout=CLOSE)

    @property
    def capacity(self) -> int:
        """One cell for each worker that is there now."""
        return max(len(self._client.nthreads()), 1)

    def submit(self, job: Job) -> None:
        self._tries += 1
        path = str(job.written(self._threads).absolute())
        wanted = {"resources": {"GPU": 1}} if self._gpu and self._has_gpus() else {}
        name = f"{job.resolved.folder.name}-{self._tries}"
        future = self._client.submit(carried_out, path, key=name, pure=False, **wanted)
        self._jobs[future] = job
        future.add_done_callback(self._ended.put)

    def ended(self, seconds: float) -> Sequence[End]:
        try:
            future = self._ended.get(timeout=seconds)
        except queue.Empty:
            return []
        job, error = self._jobs.pop(future), future.exception() if future.status != "cancelled" else None
        if future.status == "finished":
            return [End(job, error=_outcome(future.result()))]
        return [End(job, lost=f"its Dask worker was lost ({type(error).__name__})")]

    def _has_gpus(self) -> bool:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return any("GPU" in worker.get("resources", {}) for worker in workers)


def carried_out(path: str) -> list[str] | None:
    """Run a cell in the worker process that belongs to this Dask worker; returns what must be mended, as text."""
    if not _workers:
        _workers.append(WorkerProcess(lambda line: print(line)))  # noqa: T201 (into the log of the Dask worker)
        atexit.register(stop)
    worker = _workers[0]
    worker.give(Path(path))
    try:
        error = worker.answer()
    except Lost:
        _workers.clear()
        raise
    return None if error is None else [type(error).__name__, str(error)]


def stop() -> None:
    """Stop the worker process of this Dask worker."""
    stop_all(_workers)
    _workers.clear()


def _outcome(told: list[str] | None) -> BenchError | None:
    if told is None:
        return None
    error = error_of(*told)
    return error if isinstance(error, BenchError) else BenchError(str(error))
