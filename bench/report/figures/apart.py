"""Make the pictures of a figure in processes without the method's code: one labels, and others draw for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.api import Params
from bench.core.processes.channel import Channel
from bench.core.processes.line import Ended, Failed, Helper
from bench.core.processes.parent import Child
from bench.core.progress import Progress
from bench.errors import BenchError
from bench.experiments.cells.assignment import Assignment
from bench.experiments.execution import isolated
from bench.experiments.stages.method_runner import LazyStudent
from bench.report.figures import samples, sheet, traversal
from bench.report.figures.series import Panel, Series
from bench.workspace.workspace import Workspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGES = {"1": traversal.traversal, "4": samples.still_flagged, "5": samples.before_after}


class Shown(Params):
    """A stored cell, and its label."""

    label: str
    assignment: Assignment


class Part(Params):
    """What is shown of one feature."""

    feature: str
    series: tuple[Shown, ...]
    missing: tuple[str, ...]


class Order(Params):
    """The instructions for the process that labels."""

    number: str
    panels: tuple[Part, ...]


def drawn(number: str, panels: Sequence[Panel]) -> tuple[Figure, str]:
    """Draw Figure 1, 4 or 5; returns it and its caption."""
    page = _page(number, panels)
    return sheet.draw(page.title, page.blocks, page.caption, page.least_columns), page.caption


def _page(number: str, panels: Sequence[Panel]) -> sheet.Page:
    parts = tuple(_part(panel) for panel in panels)
    text = Order(number=number, panels=parts).model_dump_json()
    artists = [f"{isolated.__name__}:draw" for part in parts for _ in part.series]
    progress = panels[0].series[0].resolved.workspace.progress
    with Child(f"{__name__}:see", text, progress, helpers=artists) as child:
        try:
            answer = child.answer()
        except (Ended, Failed) as error:
            raise BenchError(f"figure {number}: {error}") from error
    return sheet.Page.unpacked(answer.content, answer.arrays)


def _part(panel: Panel) -> Part:
    series = tuple(Shown(label=each.label, assignment=Assignment.of(each.resolved)) for each in panel.series)
    return Part(feature=panel.feature, series=series, missing=tuple(panel.missing))


def see(text: str, channel: Channel, progress: Progress, *artists: Helper) -> None:
    """Look through the samples of cells, label them, and send the page that shows some of them."""
    order = Order.model_validate_json(text)
    workspace, idle = order.panels[0].series[0].assignment.places.open(progress), iter(artists)
    with ExitStack() as opened:
        panels = [
            Panel(part.feature, [_series(each, workspace, next(idle), opened) for each in part.series], part.missing)
            for part in order.panels
        ]
        channel.send("page", *PAGES[order.number](panels).packed())


def _series(shown: Shown, workspace: Workspace, artist: Helper, opened: ExitStack) -> Series:
    """Return a cell whose unlearned generator is in another process."""
    resolved = shown.assignment.resolved(workspace)
    record = workspace.store.read(resolved.folder, resolved.keys.evaluate)
    assert record is not None
    weights = resolved.folder / record.artefacts["weights"].file
    runner = isolated.IsolatedRunner(shown.assignment, learner=artist, artist=artist)
    return Series(shown.label, resolved, record, opened.enter_context(LazyStudent(resolved, runner, lambda: weights)))
