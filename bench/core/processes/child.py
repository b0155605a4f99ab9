"""The child's side of a separate process: it stops on request, ends with its parent, and reports its outcome."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

from bench.core.processes.channel import Channel
from bench.core.processes.line import Helper
from bench.errors import BenchError, Interrupted, as_machine_error

END_WITH_PARENT = 1  # PR_SET_PDEATHSIG: the parent is the process that forks, which ends with the command
BETWEEN = 0.1  # seconds between two reports of finished steps

_asked_to_stop = threading.Event()


def asked_to_stop() -> bool:
    """Say whether the parent has asked this process to stop."""
    return _asked_to_stop.is_set()


class Told:
    """Progress that is told to the parent, which shows it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._advanced, self._spoke = 0, 0.0
        self._values: dict[str, float] = {}

    def note(self, text: str) -> None:
        self._flush()
        self._tell("note", text)

    def start(self, total: int, done: int = 0, label: str = "") -> None:
        self._flush()
        self._tell("start", total, done, label)

    def advance(self, count: int = 1) -> None:
        self._advanced += count
        if time.monotonic() - self._spoke > BETWEEN:
            self._flush()

    def show(self, values: dict[str, float]) -> None:
        self._values = values

    def stop(self) -> None:
        self._flush()
        self._tell("stop")

    def waits(self, what: str | None) -> None:
        self._flush()
        self._tell("waits", what)

    def _flush(self) -> None:
        if self._values:
            self._tell("show", self._values)
        if self._advanced:
            self._tell("advance", self._advanced)
        self._advanced, self._values, self._spoke = 0, {}, time.monotonic()

    def _tell(self, name: str, *arguments: Any) -> None:
        self._channel.send("progress", [name, *arguments])


def run(connection: Connection, work: str, text: str | None, lines: Sequence[tuple[Connection, int]]) -> None:
    """Do some work, report its outcome, and end the process, even if a thread was left behind.

    Parameters
    ----------
    connection : Connection
        To the one who gives the order.
    work : str
        "module:function".
    text : str or None
        What the function is told; None: it comes with the first message.
    lines : sequence of (Connection, int)
        To the helpers, with their process numbers.
    """
    _live_alone()
    channel = Channel(connection)
    with contextlib.suppress(OSError, EOFError, KeyboardInterrupt):  # the other end has gone, or asks us to stop
        told = channel.receive().content if text is None else text
        outcome = _outcome(work, told, channel, lines)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over
        channel.send(*outcome)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def _outcome(work: str, text: str, channel: Channel, lines: Sequence[tuple[Connection, int]]) -> tuple[str, Any]:
    try:
        module, _, name = work.partition(":")
        progress = Told(channel)
        helpers = [Helper(connection, pid, channel, progress) for connection, pid in lines]
        return "done", getattr(import_module(module), name)(text, channel, progress, *helpers)
    except (BenchError, Interrupted) as error:
        return "error", [type(error).__name__, str(error)]
    except BaseException as error:  # whatever a stranger's code does; SystemExit included
        if isinstance(error, KeyboardInterrupt) and _asked_to_stop.is_set():
            return "error", ["Interrupted", ""]
        if isinstance(error, OSError) and (fault := as_machine_error(error)) is not None:
            return "error", ["MachineError", str(fault)]
        return "failed", f"{type(error).__name__}: {_text_of(error)}\n{traceback.format_exc()}"


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its text cannot be made)"


def _live_alone() -> None:
    """Leave the terminal's process group, print to standard error, stop when asked to, and end with the parent.

    A terminal's Ctrl-C reaches the parent only, which asks its children to stop, once.
    """
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # standard output belongs to the command
    with contextlib.suppress(OSError, AttributeError):  # Linux; the thread below cannot run while C code holds on to us
        ctypes.CDLL(None).prctl(END_WITH_PARENT, int(signal.SIGKILL))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _stop(signum: int, frame: Any) -> None:
    if not _asked_to_stop.is_set():
        _asked_to_stop.set()
        signal.raise_signal(signal.SIGINT)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
