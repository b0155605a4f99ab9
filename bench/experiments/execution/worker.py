"""A process that runs cells, started by a command line: ``python -m bench.experiments.execution.worker [FILE...]``.

Each file describes one cell; without files, their paths come line by line on standard input, whose end is a request to
stop. One line of JSON on standard output says of each how it went: its record is stored, or what must be mended first.
What cells print goes to standard error. SIGTERM saves and stops; the exit code is then 2.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.core.processes.parent import warm
from bench.core.processes.watch import Limits
from bench.core.progress import Silent
from bench.errors import EXIT_INTERRUPTED, BenchError, Interrupted
from bench.experiments import PRELOADED
from bench.experiments.execution.supervised import judged, store_ending


class Notes(Silent):
    """Prints messages alone, each with the cell's name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def note(self, text: str) -> None:
        print(f"{self._name}: {text}", file=sys.stderr, flush=True)  # noqa: T201


def main() -> None:
    """Run the cells, one after another."""
    out = open(os.dup(1), "w", encoding="utf-8")  # noqa: PTH123, SIM115 (for the rest of the process)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # Slurm warns the process that started us; children inherit this
    warm(PRELOADED)
    try:
        for file in map(Path, sys.argv[1:] or _orders()):
            print(json.dumps(carried_out(file)), file=out, flush=True)  # noqa: T201
    except (KeyboardInterrupt, Interrupted, BrokenPipeError):
        os._exit(EXIT_INTERRUPTED)  # a thread may still wait for standard input


def carried_out(file: Path) -> dict[str, Any]:
    """Run the cell that a file describes; return what must be mended before it can run, if anything."""
    try:
        text = file.read_text("utf-8")
        told = json.loads(text)
        places, helps = told["places"], told["helps"]
        os.chdir(places["here"])
        limits, notes = Limits(**places["limits"]), Notes(file.stem)
        folder = file.with_suffix("") if helps else Path(places["results"]) / file.stem
        ending = judged(text, folder, limits, notes)
        if ending is not None and not helps:  # the process that runs the cell stores how it ended
            store_ending(text, ending, notes)
    except BenchError as error:
        return {"error": [type(error).__name__, str(error)]}
    except OSError as error:
        return {"error": ["MachineError", f"{file.stem}: cannot be run here: {error}"]}
    return {"error": None}


def _orders() -> Iterator[str]:
    """Yield lines of standard input; its end, while a cell runs, stops that cell."""
    found: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            found.put(line.rstrip("\n"))
        found.put(None)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=read, daemon=True).start()
    while (line := found.get()) is not None:
        yield line


def _stop(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
