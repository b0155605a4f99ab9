"""Start and follow the processes of a cell, and report how they ended. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bench.core.processes.line import GRACE, Ended, Failed
from bench.core.processes.parent import Child
from bench.core.processes.watch import Limits, OverLimit
from bench.core.progress import Progress
from bench.core.written_progress import Written

WORK = "bench.experiments.execution.isolated"


@dataclass(frozen=True)
class Ending:
    """How a cell ended whose own processes could not store it.

    Attributes
    ----------
    status : str
        Of the record to store.
    reason : str
    """

    status: str
    reason: str


def judged(text: str, folder: Path, limits: Limits, progress: Progress) -> Ending | None:
    """Run a cell in separate processes, which store its record; returns how it ended if they could not.

    Parameters
    ----------
    text : str
        The cell's ``Assignment`` as JSON.
    folder : Path
        The cell's.
    limits : Limits
    progress : Progress

    Raises
    ------
    BenchError
        If something must be mended before this cell can run.
    """
    helpers = (f"{WORK}:unlearn", f"{WORK}:draw")
    with (
        Written(folder, progress) as written,
        Child(f"{WORK}:judge", text, written, GRACE, helpers, limits) as child,
    ):
        try:
            child.answer()
        except OverLimit as error:
            return Ending(error.status, f"{folder.name}: {error}")
        except Ended as error:
            return Ending("killed" if error.code < 0 else "failed", f"{folder.name}: {error}")
        except Failed as error:
            return Ending("failed", str(error))
    return None


def store_ending(text: str, ending: Ending, progress: Progress) -> None:
    """Let another process, which has the necessary imports, store how a cell ended.

    Raises
    ------
    BenchError
        If a result is stored: it stays.
    """
    with Child(f"{WORK}:store_ending", json.dumps([text, ending.status, ending.reason]), progress, GRACE) as child:
        child.answer()
