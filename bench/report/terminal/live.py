"""The cells of a running plan: a table that is drawn anew on a terminal, plain lines elsewhere; on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from bench.core.durations import duration
from bench.core.progress import Bars, Progress
from bench.experiments.planning.pace import State

if TYPE_CHECKING:
    from rich.table import Table

LINE_SECONDS = 30.0  # between two plain lines
ROWS = 24  # cells that a table shows


class PlainLines:
    """Says now and then how many cells run and wait."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._spoke = progress, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def __call__(self, state: State) -> None:
        """Show the running and waiting cells."""
        if time.monotonic() - self._spoke > LINE_SECONDS:
            self._spoke = time.monotonic()
            self._progress.note(f"  {summary(state)}")

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Print other lines meanwhile."""
        yield


class LiveTable:
    """A table of the cells that run, with how far they are and how much time is left.

    Parameters
    ----------
    bars : Bars
        Whose console prints what else there is to say.
    """

    def __init__(self, bars: Bars) -> None:
        from rich.live import Live

        self._live = Live(console=bars.bars.console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.stop()

    def __call__(self, state: State) -> None:
        """Show the running and waiting cells."""
        self._live.update(table(state), refresh=True)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Print other lines meanwhile."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()


def for_stderr(progress: Progress, several: bool) -> PlainLines | LiveTable:
    """Choose a table on a terminal, if several cells can run at once, and lines elsewhere."""
    return LiveTable(progress) if several and isinstance(progress, Bars) else PlainLines(progress)


def summary(state: State) -> str:
    """Return the line below the table: "2 running, 9 waiting, 5 ended (1 without a result), about 40 s left"."""
    bad = f" ({state.failed} without a result)" if state.failed else ""
    left = "" if state.left is None else f", about {duration(state.left)} left"
    return f"{len(state.running)} running, {state.waiting} waiting, {state.ended} ended{bad}{left}"


def table(state: State) -> Table:
    """Return a table with a row for each cell that runs."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    found = Table(box=None, pad_edge=False, header_style="dim", caption=summary(state), caption_justify="left")
    for name in ("cell", "stage", "", "time", "left in this stage"):
        found.add_column(name, no_wrap=True, overflow="ellipsis")
    for name, (spent, reached) in [*state.running.items()][:ROWS]:
        bar = ProgressBar(reached.total, reached.done, width=16) if reached and reached.total else ""
        left = duration(reached.left) if reached and reached.left is not None else ""
        found.add_row(name, reached.text if reached else "starts", bar, duration(spent), left)
    if len(state.running) > ROWS:
        found.add_row(f"and {len(state.running) - ROWS} more")
    return found
