"""Talk with a process: show its progress, raise its errors here, and stop it when this process is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from numpy.typing import NDArray

from bench import errors
from bench.core.processes.channel import Channel, Message
from bench.core.processes.watch import EVERY, NONE, Watch
from bench.core.progress import Progress
from bench.errors import Interrupted

# Seconds to save and stop: of a helper, and of a process that has to stop its helpers. A command stops within 5 s.
HELPER_GRACE = 2.5
GRACE = 3.5
LONGEST = 86_400.0  # seconds of one wait: the system takes no more than 24 days


class Ended(Exception):
    """A process that ended before it returned anything.

    Attributes
    ----------
    code : int
        Its exit code; negative: the signal that killed it.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the process {how_ended(code)} before it was done")
        self.code = code


class Failed(Exception):
    """An error of a process that the user cannot mend: type, message and traceback as text."""


class Line(ABC):
    """A connection to a process that works. Leaving the ``with`` block ends it.

    Parameters
    ----------
    connection : Connection
    progress : Progress
        Shows what the process reports.
    sentinel : int or None
        Becomes ready when the process ends: a fork that it left behind may hold the connection open.
    grace : float
        Seconds to save and stop, when asked to.
    """

    def __init__(self, connection: Connection, progress: Progress, sentinel: int | None, grace: float) -> None:
        self.channel, self._progress, self._grace = Channel(connection), progress, grace
        self._ready: list[Any] = [connection] if sentinel is None else [connection, sentinel]
        self.watch = Watch(NONE, ())

    @abstractmethod
    def signal_stop(self) -> None:
        """Ask the process to save and stop."""

    @abstractmethod
    def end(self) -> None:
        """End the process at once."""

    @abstractmethod
    def exit_code(self) -> int:
        """Return how the process ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is not None and issubclass(kind, KeyboardInterrupt):
                raise Interrupted(self._stopped()) from None
        finally:
            self.end()
            self.channel.connection.close()

    def ask(self, kind: str, content: Any = None, arrays: Sequence[NDArray[Any]] = ()) -> Message:
        """Send a message and wait for the answer."""
        self.tell(kind, content, arrays)
        return self.answer()

    def tell(self, kind: str, content: Any = None, arrays: Sequence[NDArray[Any]] = ()) -> None:
        """Send a message; ``answer`` waits for what comes of it."""
        with contextlib.suppress(OSError):  # `answer` says how the process ended
            self.channel.send(kind, content, arrays)

    def answer(self, timeout: float | None = None) -> Message:
        """Wait for the next message that is not handled on the way, at most ``timeout`` seconds without a message.

        Raises
        ------
        TimeoutError
        BenchError, Interrupted
            Of the process.
        OverLimit
            If it used more than it may.
        Failed
            Anything else that it raised.
        Ended
            If it ended without a word.
        """
        while self.handled(message := self._received(timeout)):
            pass
        if message.kind == "error":
            raise error_of(*message.content)
        if message.kind == "failed":
            raise Failed(message.content)
        return message

    def handled(self, message: Message) -> bool:
        """Handle a message that is not an answer; say whether it was one."""
        if message.kind == "progress":
            name, *arguments = message.content
            if name == "waits":
                self.watch.waits(*arguments)
            getattr(self._progress, name)(*arguments)
        return message.kind == "progress"

    def _received(self, timeout: float | None = None) -> Message:
        until = None if timeout is None else time.monotonic() + timeout
        self.watch.look()
        while not wait(self._ready, _shorter(EVERY if self.watch.needed else LONGEST, until)):
            self.watch.look()
            if until is not None and time.monotonic() >= until:
                raise TimeoutError
        if self.channel.connection.poll():
            with contextlib.suppress(EOFError, OSError):
                return self.channel.receive()
        raise Ended(self.exit_code())

    def _stopped(self) -> str:
        """Ask the process to stop; return its message about where it stopped."""
        self.signal_stop()
        until = time.monotonic() + self._grace
        while (left := until - time.monotonic()) > 0:
            try:
                message = self._received(left)
            except (Ended, TimeoutError):
                return ""
            if message.kind == "error":
                return str(message.content[1])
        return ""


def _shorter(seconds: float, until: float | None) -> float:
    """Return how long to wait: some seconds, but not beyond a time."""
    return seconds if until is None else min(seconds, max(until - time.monotonic(), 0.0))


class Helper(Line):
    """A process that waits for the order of this one; both were started by the same parent.

    Parameters
    ----------
    connection, pid
        To it, and which it is.
    parent : Channel
        To the parent, which knows how it ended.
    progress : Progress
    grace : float
    """

    def __init__(
        self, connection: Connection, pid: int, parent: Channel, progress: Progress, grace: float = HELPER_GRACE
    ) -> None:
        self._pid, self._parent = pid, parent
        self._sentinel = _sentinel_of(pid)
        super().__init__(connection, progress, self._sentinel, grace)

    def order(self, text: str) -> Self:
        """Give it its text."""
        with contextlib.suppress(OSError):
            self.channel.send("order", text)
        return self

    def signal_stop(self) -> None:
        self._signal(signal.SIGTERM)

    def end(self) -> None:
        self._signal(signal.SIGKILL)
        if self._sentinel is not None:
            os.close(self._sentinel)

    def exit_code(self) -> int:
        self._parent.send("how did it end", self._pid)
        return int(self._parent.receive().content)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            if self._sentinel is None:
                os.kill(self._pid, number)
            else:  # its number may be another process's by now
                signal.pidfd_send_signal(self._sentinel, number)


def _sentinel_of(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):  # it has ended already, or this is not Linux
        return None


def error_of(name: str, text: str) -> BaseException:
    """Return an error of ``bench.errors`` as another process raised it."""
    kind: type[BaseException] = getattr(errors, name, errors.BenchError)
    error = kind.__new__(kind)
    BaseException.__init__(error, text)
    return error


def how_ended(code: int) -> str:
    """Say how a process ended, by its exit code; a negative one is the signal that killed it."""
    return f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
