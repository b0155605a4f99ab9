"""A cell's progress, in a small file for ``bench status`` and for the command that started the cell."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.core.progress import Progress

FILE = ".progress"
SECONDS = 0.5  # between two writes
LENGTH = 600  # bytes: shorter texts are padded, so that none is left of a longer one


@dataclass(frozen=True)
class Reached:
    """The progress of a cell.

    Attributes
    ----------
    process : int
        The one that supervises it.
    host : str
    began : float
        Seconds since the epoch.
    stage : str
        "unlearn (ours)"; "" between two stages.
    done, total : int
        Steps of the stage.
    left : float or None
        Seconds left of the stage, if known.
    waits : str or None
        The folder that another process works on, and this one waits for.
    """

    process: int
    host: str
    began: float
    stage: str = ""
    done: int = 0
    total: int = 0
    left: float | None = None
    waits: str | None = None

    @property
    def text(self) -> str:
        """The stage and how much of it is done: "unlearn (ours) 120/200"."""
        if self.waits is not None:
            return f"waits for {self.waits}"
        return f"{self.stage} {self.done}/{self.total}" if self.total else self.stage or "starts"


def read(folder: Path) -> Reached | None:
    """Return the progress of a folder's cell; None if no process works on it, or its file cannot be read now."""
    try:
        return Reached(**json.loads((folder / FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


class Written:
    """Progress that is also written into a cell's folder, as soon as there is one; the file is gone on leaving.

    Parameters
    ----------
    folder : Path
    shown : Progress
        Where it is shown too.
    clock : callable, optional
    """

    def __init__(self, folder: Path, shown: Progress, clock: Callable[[], float] = time.time) -> None:
        self._path, self._shown, self._clock = folder / FILE, shown, clock
        self._stage, self._done, self._total, self._resumed = "", 0, 0, 0
        self._waits: str | None = None
        self._began = self._stage_began = clock()
        self._wrote = 0.0

    def __enter__(self) -> Self:
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()

    def note(self, text: str) -> None:
        self._shown.note(text)

    def start(self, total: int, done: int = 0, label: str = "") -> None:
        self._stage, self._done, self._total, self._resumed = label or self._stage, done, total, done
        self._stage_began = self._clock()
        self._write()
        self._shown.start(total, done, label)

    def advance(self, count: int = 1) -> None:
        self._done += count
        if self._clock() - self._wrote > SECONDS:
            self._write()
        self._shown.advance(count)

    def show(self, values: dict[str, float]) -> None:
        self._shown.show(values)

    def stop(self) -> None:
        self._stage, self._done, self._total = "", 0, 0
        self._write()
        self._shown.stop()

    def waits(self, what: str | None) -> None:
        self._waits = what
        self._write()
        self._shown.waits(what)

    def _write(self) -> None:
        self._wrote = self._clock()
        reached = Reached(
            os.getpid(), platform.node(), self._began, self._stage[:100], self._done, self._total, self._left(),
            None if self._waits is None else self._waits[:200],
        )  # fmt: skip
        with contextlib.suppress(OSError):  # the folder is made by the cell; a full disk must not stop it here
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o666)
            try:
                os.pwrite(file, json.dumps(asdict(reached)).encode().ljust(LENGTH), 0)
            finally:
                os.close(file)

    def _left(self) -> float | None:
        made = self._done - self._resumed
        if made <= 0:
            return None
        return round((self._clock() - self._stage_began) / made * (self._total - self._done), 1)
