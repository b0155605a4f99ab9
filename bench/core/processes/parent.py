"""Start a process, follow its progress, wait for its answers, and stop it."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from bench.core.processes import child, family
from bench.core.processes.channel import Message
from bench.core.processes.line import GRACE, Line
from bench.core.processes.watch import NONE, Limits, Watch
from bench.core.progress import Progress

METHOD = "forkserver"  # a fresh process that imports the libraries once, and forks for each child


def warm(modules: Sequence[str]) -> None:
    """Begin to import modules in the process that children are forked from; returns at once.

    Call it in the main thread.
    """
    multiprocessing.get_context(METHOD).set_forkserver_preload(list(modules))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: a Ctrl-C is this process's to handle
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)


class Child(Line):
    """A process that works, and others that wait for its orders. Leaving the ``with`` block ends all that they started.

    Parameters
    ----------
    work : str
        "module:function"; the function gets ``text``, a Channel and the helpers, and returns plain values.
    text : str
    progress : Progress
        Shows what the process reports.
    grace : float
        Seconds to save and stop, when asked to.
    helpers : sequence of str
        The work of further processes, which get their text when the first one gives it (``line.Helper``). They are
        started here because a child cannot fork from the prepared process.
    limits : Limits
        What all of them may use together.
    """

    def __init__(
        self,
        work: str,
        text: str,
        progress: Progress,
        grace: float = GRACE,
        helpers: Sequence[str] = (),
        limits: Limits = NONE,
    ) -> None:
        pipes = [multiprocessing.Pipe() for _ in helpers]
        self._helpers = [_started(there, each, None) for each, (_, there) in zip(helpers, pipes, strict=True)]
        lines = [(near, helper.pid) for helper, (near, _) in zip(self._helpers, pipes, strict=True)]
        here, there = multiprocessing.Pipe()
        self._process = _started(there, work, text, lines)
        for connection in (there, *(end for pipe in pipes for end in pipe)):
            connection.close()  # the processes have their own
        super().__init__(here, progress, self._process.sentinel, grace)
        self.watch = Watch(limits, self._leaders)

    def signal_stop(self) -> None:
        self._process.terminate()

    @property
    def _leaders(self) -> list[int]:
        return [process.pid for process in (self._process, *self._helpers) if process.pid is not None]

    def end(self) -> None:
        family.kill(self._leaders)
        for process in (self._process, *self._helpers):
            process.kill()
            process.join()

    def exit_code(self) -> int:
        return _exit_code(self._process)

    def handled(self, message: Message) -> bool:
        if message.kind != "how did it end":
            return super().handled(message)
        (helper,) = (each for each in self._helpers if each.pid == message.content)
        self.channel.send("it ended", _exit_code(helper))
        return True


def _exit_code(process: BaseProcess) -> int:
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _started(there: Connection, work: str, text: str | None, lines: Sequence[Any] = ()) -> BaseProcess:
    context: Any = multiprocessing.get_context(METHOD)
    process: BaseProcess = context.Process(target=child.run, args=(there, work, text, list(lines)))
    process.start()
    return process
