"""Progress on standard error: rich bars on a terminal, plain lines elsewhere, nothing when silenced."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from bench.core.durations import duration

if TYPE_CHECKING:
    from rich.progress import TaskID

LINE_SECONDS = 15.0  # between two plain lines, without a terminal


class Progress(Protocol):
    """How the engine reports long work."""

    def note(self, text: str) -> None:
        """Print a message."""

    def start(self, total: int, done: int = 0, label: str = "") -> None:
        """Start a task of ``total`` steps, ``done`` of them finished."""

    def advance(self, count: int = 1) -> None:
        """Count finished steps."""

    def show(self, values: dict[str, float]) -> None:
        """Show the latest values next to the bar."""

    def stop(self) -> None:
        """End the task."""

    def waits(self, what: str | None) -> None:
        """Say that another process is waited for, and which; None: no longer."""


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None:
        pass

    def start(self, total: int, done: int = 0, label: str = "") -> None:
        pass

    def advance(self, count: int = 1) -> None:
        pass

    def show(self, values: dict[str, float]) -> None:
        pass

    def stop(self) -> None:
        pass

    def waits(self, what: str | None) -> None:
        pass


def silent() -> Progress:
    """Return a progress that shows nothing."""
    return Silent()


class Lines:
    """Plain lines on standard error, at most one every few seconds."""

    def __init__(self) -> None:
        self.label, self.total, self.done, self.resumed, self.values = "", 0, 0, 0, ""
        self.began = self.spoke = time.monotonic()

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201

    def start(self, total: int, done: int = 0, label: str = "") -> None:
        self.label, self.total, self.done, self.resumed, self.values = label or self.label, total, done, done, ""
        self.began = self.spoke = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self.done += count
        now = time.monotonic()
        if now - self.spoke > LINE_SECONDS:
            left = (now - self.began) / max(self.done - self.resumed, 1) * (self.total - self.done)
            self.note(f"  {self.label} {self.done}/{self.total}, about {duration(left)} left {self.values}".rstrip())
            self.spoke = now

    def show(self, values: dict[str, float]) -> None:
        self.values = format_values(values)

    def stop(self) -> None:
        self.label = ""

    def waits(self, what: str | None) -> None:
        pass  # a note says so


class Bars:
    """Rich bars with a time left, on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bars = RichProgress(
            *columns, TextColumn("{task.fields[values]}"), console=Console(stderr=True), transient=True
        )
        self.task: TaskID | None = None
        self.label = ""

    def note(self, text: str) -> None:
        self.bars.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def start(self, total: int, done: int = 0, label: str = "") -> None:
        self.label = label or self.label
        if self.task is not None:
            self.bars.remove_task(self.task)
        self.task = self.bars.add_task(self.label, total=total, completed=done, values="")
        self.bars.start()

    def advance(self, count: int = 1) -> None:
        if self.task is not None:
            self.bars.advance(self.task, count)

    def show(self, values: dict[str, float]) -> None:
        if self.task is not None:
            self.bars.update(self.task, values=format_values(values))

    def stop(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None
        self.bars.stop()

    def waits(self, what: str | None) -> None:
        pass  # a note says so


def format_values(values: dict[str, float]) -> str:
    """Format values for a progress line."""
    return " ".join(f"{name}={value:.4g}" for name, value in values.items())


def for_stderr() -> Progress:
    """Choose bars on a terminal and lines elsewhere."""
    return Bars() if sys.stderr.isatty() else Lines()
