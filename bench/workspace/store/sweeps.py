"""Files that tell other processes which cells a command runs: those waiting, and those it did not reach.

<results>/.sweeps/<host>-<process>-<time>/cells.txt, and a file for each cell that another process was given
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from filelock import FileLock

from bench.core.files import HOST
from bench.workspace.store.store import Store

SWEEPS = ".sweeps"
CELLS = "cells.txt"


@dataclass(frozen=True)
class Sweep:
    """The cells of one command.

    Attributes
    ----------
    store : Store
    folder : Path
    cells : tuple of str
        Names of their folders.
    """

    store: Store
    folder: Path
    cells: tuple[str, ...]

    @property
    def left(self) -> list[str]:
        """The cells that no process has begun."""
        return [name for name in self.cells if not (self.store.root / name).exists()]

    @property
    def runs(self) -> bool:
        """Whether its command still runs."""
        return self.store.is_locked(self.folder)


@contextmanager
def told(store: Store, cells: Sequence[str]) -> Iterator[Sweep]:
    """Write the list of cells to run; afterwards, keep the cells that were not begun, of earlier commands too.

    Parameters
    ----------
    store : Store
    cells : sequence of str
        Names of their folders.
    """
    folder = store.root / SWEEPS / f"{HOST}-{os.getpid()}-{time.time_ns()}"
    folder.mkdir(parents=True)
    try:
        with FileLock(folder / ".lock"):
            (folder / CELLS).write_text("\n".join(cells), "utf-8")
            yield Sweep(store, folder, tuple(cells))
    finally:
        tidy(store)


def known(store: Store) -> list[Sweep]:
    """Return the sweeps of all commands, sorted; those that have ended too."""
    found = []
    for path in sorted((store.root / SWEEPS).glob(f"*/{CELLS}")):
        with contextlib.suppress(OSError):  # gone meanwhile
            names = path.read_text("utf-8", errors="replace").splitlines()
            found.append(Sweep(store, path.parent, tuple(name for name in names if "/" not in name)))
    return found


def tidy(store: Store) -> None:
    """Forget the sweeps of commands that have ended, where every cell was begun."""
    for sweep in known(store):
        if not sweep.runs and not sweep.left:
            _forget(sweep)


def _forget(sweep: Sweep) -> None:
    rmtree(sweep.folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # others are there
        sweep.folder.parent.rmdir()
