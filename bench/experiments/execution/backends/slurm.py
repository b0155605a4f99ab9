"""Cells on a Slurm cluster, by submitit: job arrays whose tasks are workers with one cell's file each.

A task that is preempted, or reaches the partition's limit, is queued again and resumes. The queue itself is asked which
tasks have gone without a word: that needs no accounting.
"""

from __future__ import annotations

import getpass
import math
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import submitit
from submitit.core.utils import FailedJobError, UncompletedJobError
from submitit.helpers import CommandFunction, DelayedSubmission

from bench.core.durations import number_of
from bench.core.processes.watch import GB, Limits
from bench.errors import EXIT_INTERRUPTED, UsageError
from bench.experiments.execution.backends.base import End, Job
from bench.experiments.execution.worker_process import command, outcome_of

LONGEST = 1000  # tasks of an array; Slurm's default limit is 1001
LOOK = 5.0  # seconds between two looks at the queue
START = 600.0  # seconds that a task gets in addition to its cell's limit
ROOM = 1.0 * GB  # bytes, likewise
KILLED = 300.0  # seconds until Slurm has killed a task that it asked to stop, at most; KillWait is 30 s by default
REQUEUED = 20  # times that a task is queued again after reaching the partition's limit


class Command(CommandFunction):  # type: ignore[misc]  # submitit may not be installed
    """A worker's command line, which is queued again when Slurm ends it early."""

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        """Run the worker; returns what it told.

        Raises
        ------
        FailedJobError
            If it failed. If Slurm asked it to stop, this waits until Slurm kills the task, to end it or to queue it
            again: a task that fails before that would count as lost.
        """
        try:
            told: str = super().__call__(*args, **kwargs)
        except FailedJobError as error:
            if getattr(error.__cause__, "returncode", None) == EXIT_INTERRUPTED:
                time.sleep(KILLED)
            raise
        return told

    def checkpoint(self, *args: Any, **kwargs: Any) -> DelayedSubmission:
        """Return what is queued again."""
        return DelayedSubmission(self, *args, **kwargs)


class Slurm:
    """Gives all cells to Slurm at once.

    Parameters
    ----------
    jobs : int or None
        Tasks of an array that run at once; None: as many as Slurm runs.
    limits : Limits
        Of a cell; a task gets more.
    typed : sequence of str
        Parameters of sbatch, ``key=value``.
    tell : callable
        Told where the logs are.

    Raises
    ------
    UsageError
        For a wrong parameter, or if there is no Slurm here.
    """

    capacity, shares = 1_000_000, False

    def __init__(self, jobs: int | None, limits: Limits, typed: Sequence[str], tell: Callable[[str], None]) -> None:
        self._parameters = _parameters(jobs, limits, typed)
        self._tell = tell
        self._waiting: list[Job] = []
        self._running: dict[Job, submitit.SlurmJob[str]] = {}
        self._gone: set[Job] = set()  # were not in the queue when it was last asked
        self._looked = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        if self._running:
            subprocess.run(["scancel", *(each.job_id for each in self._running.values())], check=False, timeout=60)

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def ended(self, seconds: float) -> Sequence[End]:
        while self._waiting:
            self._submitted(self._waiting[:LONGEST])
            del self._waiting[:LONGEST]
        time.sleep(seconds)
        asked = time.monotonic() - self._looked > LOOK
        there = self._queue() if asked else None
        return [end for job in [*self._running] if (end := self._end(job, there)) is not None]

    def _submitted(self, jobs: Sequence[Job]) -> None:
        folder = jobs[0].sweep.absolute() / "slurm"
        try:
            executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=REQUEUED)
            executor.update_parameters(**self._parameters)
            threads = int(self._parameters["cpus_per_task"])
            with executor.batch():
                files = [job.written(threads).absolute() for job in jobs]
                found = [executor.submit(Command(command(file), verbose=False)) for file in files]
            self._running |= dict(zip(jobs, found, strict=True))
        except (RuntimeError, ValueError, FailedJobError) as error:
            raise UsageError(f"--backend slurm: {str(error).strip()}") from error
        self._tell(f"{number_of(len(jobs), 'cell')} in Slurm's queue; logs: {folder}")

    def _end(self, job: Job, there: set[str] | None) -> End | None:
        """Return how a task ended; None while it runs. ``there``: what the queue holds, if it was asked."""
        task = self._running[job]
        if not task.paths.result_pickle.exists():
            if there is None or task.job_id in there:
                self._gone.discard(job)
                return None
            if job not in self._gone:  # its result may still be on its way over the network
                self._gone.add(job)
                return None
            self._forget(job)
            return End(job, lost=f"Slurm's task {task.job_id} has ended without a result")
        try:
            line = task.result()
        except (FailedJobError, UncompletedJobError) as error:
            self._forget(job)
            return End(job, lost=f"Slurm's task {task.job_id} failed ({_last_line(str(error))})")
        self._forget(job)
        return End(job, error=outcome_of(line.splitlines()[-1]))

    def _forget(self, job: Job) -> None:
        del self._running[job]
        self._gone.discard(job)

    def _queue(self) -> set[str] | None:
        """Return the tasks that wait or run; None if the queue does not answer."""
        self._looked = time.monotonic()
        try:
            asked = ["squeue", "--noheader", "--array", "--format=%i", "--user", getpass.getuser()]
            told = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
        except (OSError, subprocess.SubprocessError):
            return None
        return set(told.split())


def _parameters(jobs: int | None, limits: Limits, typed: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of submitit's executor; those that it does not know go to sbatch as they are."""
    found: dict[str, Any] = {"job_name": "bench", "cpus_per_task": 1, "additional_parameters": {"requeue": True}}
    if limits.seconds is not None:
        found["time"] = math.ceil((limits.seconds + START) / 60)
    if limits.memory is not None:
        found["mem"] = f"{math.ceil((limits.memory + ROOM) / 1e6)}MB"
    if jobs is not None and jobs > 1:
        found["array_parallelism"] = jobs
    known = submitit.SlurmExecutor._valid_parameters()
    for text in typed:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"--slurm {text}: is not KEY=VALUE. Write partition=gpu, for example")
        name = key.strip().lstrip("-").replace("-", "_")
        if name in known:
            found[name] = int(value) if value.isdigit() else value
        else:
            found["additional_parameters"][name] = value
    return found


def _last_line(text: str) -> str:
    return ([line for line in text.splitlines() if line.strip()] or ["no reason given"])[-1].strip()
