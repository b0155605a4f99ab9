"""Choose the next cell: first those that need not wait for a stage that another cell is making."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from pathlib import Path

from bench.experiments.cells.resolve import Resolved
from bench.experiments.planning.plan import Plan
from bench.workspace.store import seals
from bench.workspace.store.store import Store

LOOKED_AT = 200  # cells that are looked at, at most, before the first is taken
SHARED = ("cut", "feedback", "unlearn", "original")  # stages that several cells share


class Order:
    """The cells that no worker has yet.

    Parameters
    ----------
    plan : Plan
    store : Store
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan, self._store = plan, store
        self._left = deque(range(len(plan.cells)))
        self._sealed: set[Path] = set()

    def __len__(self) -> int:
        return len(self._left)

    @property
    def left(self) -> list[int]:
        """The numbers of the cells."""
        return [*self._left]

    def put_back(self, number: int) -> None:
        """Take a cell back, to be the next."""
        self._left.appendleft(number)

    def next(self, running: Collection[Resolved]) -> int:
        """Take the number of the next cell.

        Cells on which another process works come last: meanwhile their results may be stored. Before those come cells
        that share a stage which is being made: they can begin, and may have to wait.
        """
        making = {folder for resolved in running for folder in self._missing(resolved)}
        waits = []
        for number in [*self._left][:LOOKED_AT]:
            resolved = self._plan.cells[number].resolved
            if resolved is None or self._plan.cells[number].action == "cached":
                return self._taken(number)
            if self._store.is_locked(resolved.folder):
                continue
            missing = self._missing(resolved)
            if making.isdisjoint(missing) and not any(map(self._store.is_locked, missing)):
                return self._taken(number)
            waits.append(number)
        return self._taken(waits[0] if waits else self._left[0])

    def _taken(self, number: int) -> int:
        self._left.remove(number)
        return number

    def _missing(self, resolved: Resolved) -> list[Path]:
        """Return the shared stages of a cell that are still to be made."""
        keys = resolved.keys.stages(None)
        folders = [self._store.stage(name, keys[name]) for name in SHARED if name in keys]
        self._sealed |= {folder for folder in folders if folder not in self._sealed and (folder / seals.SEAL).exists()}
        return [folder for folder in folders if folder not in self._sealed]
