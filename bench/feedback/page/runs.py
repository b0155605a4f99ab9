"""The `bench run` that the page starts, in a separate process that outlives a killed server."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from bench.core.files import write_bytes
from bench.errors import BenchError
from bench.workspace.store.record import Record

# The command line, telling its progress every second instead of every 15.
BENCH = "from bench.core import progress; progress.LINE_SECONDS = 1.0; from bench.cli import main; main()"
STARTING = "Starting ..."  # while it has not said anything yet
LINES = 12  # of what the run said, shown on the page
Status = Literal["none", "running", "ended", "stopped"]
STEP = re.compile(r"^\s*(?P<label>.*?) (?P<done>\d+)/(?P<total>\d+), about")


@dataclass(frozen=True)
class RunState:
    """The progress of a run.

    Attributes
    ----------
    status : {"none", "running", "ended", "stopped"}
        Ended: there is a record. Stopped: there is none, and no process makes one.
    lines : sequence of str
        The last lines of what it said.
    record : Record or None
    done, total : int
        Steps of what it does now; 0 if it does not say.
    """

    status: Status
    lines: Sequence[str] = ()
    record: Record | None = None
    done: int = 0
    total: int = 0


class Runs:
    """The runs of one folder, one at a time.

    A run holds a lock for as long as it lives, through a file that it inherits; so another server sees it too.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock, self.out, self.log, self.number = (folder / f"run.{x}" for x in ("lock", "jsonl", "log", "pid"))

    def start(self, arguments: Sequence[str]) -> None:
        """Start ``bench ARGUMENTS``; raises BenchError if a run is in progress, or nothing can be written."""
        try:
            with self.lock.open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise BenchError("A run is in progress. Wait for it, or stop it.") from error
                self.number.unlink(missing_ok=True)  # of the last run: it may be another program's by now
                with self.out.open("wb") as out, self.log.open("wb") as log:
                    process = subprocess.Popen(
                        [sys.executable, "-c", BENCH, *arguments],
                        stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                        pass_fds=[lock.fileno()], start_new_session=True,
                    )  # fmt: skip
            write_bytes(self.number, str(process.pid).encode())
        except OSError as error:
            raise BenchError(f"{self.folder}: the run cannot be started ({error.strerror})") from error

    def state(self) -> RunState:
        """Return the progress of the last run."""
        if not self.log.exists():
            return RunState("none")
        running = self._is_running()  # asked first: what ends meanwhile has written its record
        lines = self.log.read_text("utf-8", errors="replace").splitlines() or [STARTING] * running
        step = next((found for line in reversed(lines) if (found := STEP.match(line))), None)
        record = None if running else self._record()
        status: Status = "running" if running else "stopped" if record is None else "ended"
        done, total = (int(step["done"]), int(step["total"])) if step and running else (0, 0)
        return RunState(status, lines[-LINES:], record, done, total)

    def stop(self, patience: float = 20.0) -> None:
        """Ask the run to stop, as Ctrl-C does, and wait for it; the same run resumes later."""
        until, asked = time.monotonic() + patience, False
        while self._is_running() and time.monotonic() < until:
            asked = asked or self._ask_to_stop()
            time.sleep(0.1)

    def _ask_to_stop(self) -> bool:
        """Signal the run; False if its number is not there yet, or it has ended by itself."""
        try:
            os.kill(int(self.number.read_text()), signal.SIGTERM)
        except (OSError, ValueError):
            return False
        return True

    def _is_running(self) -> bool:
        try:
            with self.lock.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _record(self) -> Record | None:
        lines = self.out.read_text("utf-8", errors="replace").splitlines() if self.out.exists() else []
        try:
            return Record.model_validate_json(lines[-1]) if lines else None
        except ValidationError:
            return None
