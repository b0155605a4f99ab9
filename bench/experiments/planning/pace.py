"""Estimate the time left of a plan: expected times, corrected by the times of the cells that have ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core import written_progress
from bench.core.written_progress import Reached
from bench.experiments.planning.plan import Plan


@dataclass(frozen=True)
class State:
    """The running and waiting cells of a plan.

    Attributes
    ----------
    running : mapping of str to (float, Reached or None)
        Names of cells, with the seconds since they were submitted, and their progress.
    waiting, ended, failed : int
        Numbers of cells; those that failed have ended too.
    left : float or None
        Seconds until the last one ends, if that can be told.
    """

    running: Mapping[str, tuple[float, Reached | None]]
    waiting: int
    ended: int
    failed: int
    left: float | None


class Pace:
    """Estimates the time left.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self._expected = [item.expected.seconds for item in plan.cells]
        self._began: dict[int, float] = {}
        self._took: dict[int, float] = {}

    def began(self, number: int) -> None:
        """Note that a cell began."""
        self._began[number] = time.monotonic()

    def ended(self, number: int) -> None:
        """Note that a cell ended."""
        self._took[number] = time.monotonic() - self._began[number]

    def state(self, running: Mapping[int, Path], waiting: Sequence[int], ok: Sequence[bool], capacity: int) -> State:
        """Return the running and waiting cells.

        Parameters
        ----------
        running : mapping of int to Path
            Folders of the cells that run, by number.
        waiting : sequence of int
        ok : sequence of bool
            Of each cell that has ended.
        capacity : int
            How many cells run at once.
        """
        now = time.monotonic()
        spent = {i: now - self._began[i] for i in running}
        shown = {folder.name: (spent[i], written_progress.read(folder)) for i, folder in running.items()}
        return State(shown, len(waiting), len(ok), ok.count(False), self._left(spent, waiting, capacity))

    def _left(self, spent: Mapping[int, float], waiting: Sequence[int], capacity: int) -> float | None:
        known = {i: self._expected[i] for i in self._took}
        measured = sum(took for i, took in self._took.items() if known[i])
        factor = measured / total if (total := sum(filter(None, known.values()))) else 1.0
        usual = sum(self._took.values()) / len(self._took) if self._took else None
        parts = []
        for i in (*spent, *waiting):
            expected = self._expected[i]
            whole = usual if expected is None else expected * factor
            if whole is None:
                return None
            parts.append(max(whole - spent.get(i, 0.0), 0.0))
        longest = max((parts[place] for place in range(len(spent))), default=0.0)
        return max(sum(parts) / max(min(capacity, len(parts)), 1), longest)
