"""A worker process, seen from the process that started it: it takes one cell after another, and reports on each."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from bench.core.processes import family
from bench.core.processes.line import error_of, how_ended
from bench.errors import BenchError

GRACE = 4.2  # seconds for a worker to stop its cell
LONGEST = 1 << 16  # characters of a line that is shown


class Lost(Exception):
    """A worker that ended before its cell did; another one can try."""


class WorkerProcess:
    """A worker process.

    Parameters
    ----------
    tell : callable
        Told each line that the worker, and what runs in it, writes to standard error.
    environment : mapping of str to str
        What differs from this process's.
    """

    def __init__(self, tell: Callable[[str], None], environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # a terminal's Ctrl-C is for the command, which stops us
        )
        self._out = _there(self.process.stdout)
        self._listener = threading.Thread(target=_listen, args=(_there(self.process.stderr), tell), daemon=True)
        self._listener.start()

    def fileno(self) -> int:
        """Become ready when there is an answer, or the worker has ended."""
        return self._out.fileno()

    def give(self, file: Path) -> None:
        """Give it the file of a cell."""
        with contextlib.suppress(OSError):  # `answer` says that it has ended
            _there(self.process.stdin).write(f"{file.resolve()}\n")
            _there(self.process.stdin).flush()

    def answer(self) -> BenchError | None:
        """Wait until the cell has ended; returns what must be mended before it can run.

        Raises
        ------
        Lost
            If the worker has ended.
        """
        line = self._out.readline()
        if not line.endswith("\n"):
            code = self.process.wait()
            raise Lost(f"its worker {how_ended(code)}")
        return outcome_of(line)

    def ask_to_stop(self) -> None:
        """Ask it to save and stop."""
        with contextlib.suppress(OSError):
            self.process.send_signal(signal.SIGTERM)

    def end(self, until: float = 0.0) -> None:
        """Wait for its end until a time, then kill it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(until - time.monotonic(), 0.0))
        family.kill([self.process.pid])
        self.process.wait()
        self._listener.join(0.5)  # what it said last; a process that escaped may hold the pipe open
        for stream in (self.process.stdin, self._out):
            with contextlib.suppress(OSError):
                _there(stream).close()


def command(*files: Path) -> list[str]:
    """Return the command line of a worker."""
    return [sys.executable, "-P", "-m", "bench.experiments.execution.worker", *map(str, files)]


def outcome_of(line: str) -> BenchError | None:
    """Return the fault that a worker's line reports; None if the record is stored."""
    told: dict[str, Any] = json.loads(line)
    if told["error"] is None:
        return None
    error = error_of(*told["error"])
    return error if isinstance(error, BenchError) else BenchError(str(error))


def stop_all(workers: Iterable[WorkerProcess]) -> None:
    """Ask workers to save and stop, wait for all at once, and kill those that do not."""
    workers = [*workers]
    for worker in workers:
        worker.ask_to_stop()
    until = time.monotonic() + GRACE
    for worker in workers:
        worker.end(until)


def _there(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _listen(stream: IO[str], tell: Callable[[str], None]) -> None:
    with contextlib.suppress(OSError, ValueError), stream:
        while line := stream.readline(LONGEST):
            tell(line.rstrip("\n"))
