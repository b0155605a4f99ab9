"""The interface of a back end: it takes cells, and reports how each ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from bench.core.files import write_bytes
from bench.errors import BenchError
from bench.experiments.cells.assignment import Assignment
from bench.experiments.cells.resolve import Resolved
from bench.workspace.store.record import Record

if TYPE_CHECKING:
    from bench.experiments.planning.plan import Plan
    from bench.workspace.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Job:
    """A cell to run.

    Attributes
    ----------
    number : int
        Its place in the plan.
    resolved : Resolved
    since : float or None
        A stored result counts only if it was stored after this time, s since the epoch.
    sweep : Path
        Folder for its file.
    helps : bool
        Whether another worker runs this cell: then this one helps to evaluate it.
    """

    number: int
    resolved: Resolved
    since: float | None
    sweep: Path
    helps: bool = False

    def written(self, threads: int | None = None) -> Path:
        """Write the file that a worker is given; ``threads``: of torch in each of its processes."""
        assignment = Assignment.of(self.resolved, self.since, self.helps)
        if threads is not None:
            places = assignment.places.model_copy(update={"threads": threads})
            assignment = assignment.model_copy(update={"places": places})
        folder = self.sweep / "helpers" if self.helps else self.sweep
        path = folder / f"{self.resolved.folder.name}.json"
        write_bytes(path, assignment.model_dump_json().encode())
        return path


@dataclass(frozen=True)
class End:
    """How a cell ended.

    Attributes
    ----------
    job : Job
    record : Record or None
        None: it is in the store, unless there is an error.
    error : BenchError or None
        What must be mended before the cell can run.
    lost : str or None
        Why its worker ended before the cell did; it can be tried again.
    """

    job: Job
    record: Record | None = None
    error: BenchError | None = None
    lost: str | None = None


class Backend(Protocol):
    """Runs cells. Leaving the ``with`` block stops those that still run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def capacity(self) -> int:
        """How many cells can be given to it at once."""

    @property
    def shares(self) -> bool:
        """Whether a cell may be given to several workers, so that none is idle."""

    def submit(self, job: Job) -> None:
        """Give it a cell."""

    def ended(self, seconds: float) -> Sequence[End]:
        """Wait until a cell has ended, at most some seconds; returns those that have."""


Opened = Callable[["Plan", "Workspace"], Backend]  # opens the back end that was asked for, for a plan


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
