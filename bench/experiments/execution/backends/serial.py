"""One cell after another, started by this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Self

from bench.errors import BenchError
from bench.experiments.execution import isolated
from bench.experiments.execution.backends.base import End, Job


class Serial:
    """Runs one cell at a time."""

    capacity, shares = 1, False

    def __init__(self) -> None:
        self._given: deque[Job] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._given.clear()

    def submit(self, job: Job) -> None:
        self._given.append(job)

    def ended(self, seconds: float) -> Sequence[End]:
        job = self._given.popleft()
        try:
            return [End(job, isolated.run_apart(job.resolved, job.since))]
        except BenchError as error:
            return [End(job, error=error)]
