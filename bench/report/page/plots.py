"""The plots of the page, each from curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.report.page.curves import Array, Curve
from bench.report.page.drawn import COLOURS, INK, MARKERS, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.4  # inches
LONG = 34  # letters of a name, above which a legend has one column


def scatter(curves: Sequence[Curve], x: str, y: str, best: Sequence[str]) -> Figure:
    """Draw the trade-off: a point for each seed, filled for variants that cannot be told from the best."""
    figure, axes = _axes(x, y, _names(curves))
    floor = _floor(curves)
    for number, curve in enumerate(curves):
        colour, marker = _look(number)
        filled = colour if curve.name in best or not best else "none"
        points = axes.scatter(
            [p.x for p in curve.points], [max(p.y, floor) for p in curve.points], s=42, marker=marker,
            facecolors=filled, edgecolors=colour, linewidths=1.4, label=curve.name, zorder=3,
        )  # fmt: skip
        points.set_urls([f"#{p.cell.anchor}" for p in curve.points])
    _log_share(axes, floor)
    _legend(axes, _names(curves))
    return figure


def lines(curves: Sequence[Curve], x: str, y: str) -> Figure:
    """Draw curves: their means as lines, a point for each seed."""
    figure, axes = _axes(x, y, _names(curves))
    floor = _floor(curves)
    places = sorted({p.x for curve in curves for p in curve.points})
    for number, curve in enumerate(curves):
        colour, marker = _look(number)
        xs = sorted({p.x for p in curve.points})
        means = [max(floor, float(np.mean([p.y for p in curve.points if p.x == value]))) for value in xs]
        axes.plot(xs, means, color=colour, label=curve.name, linewidth=1.5)
        ys = [max(p.y, floor) for p in curve.points]
        points = axes.scatter([p.x for p in curve.points], ys, s=26, marker=marker, color=colour)
        points.set_urls([f"#{p.cell.anchor}" for p in curve.points])
    log = min(places) > 0 and max(places) / min(places) > 8  # zero has no place on a log axis
    axes.set_xscale("log" if log else "linear")
    axes.set_xticks(places, [f"{value:g}" for value in places])
    axes.minorticks_off()
    _log_share(axes, floor)
    _legend(axes, _names(curves))
    return figure


def bars(names: Sequence[str], curves: Sequence[Curve], x: str) -> Figure:
    """Draw how far attributes moved, with intervals."""
    figure, axes = _axes(x, "", _names(curves), height=0.6 + 0.13 * len(names) * (1 + len(curves)))
    for number, curve in enumerate(curves):
        colour, marker = _look(number)
        offset = (number - (len(curves) - 1) / 2) * 0.8 / len(curves)
        places = [p.y + offset for p in curve.points]
        below = [p.x - (p.x if p.low is None else p.low) for p in curve.points]
        above = [(p.x if p.high is None else p.high) - p.x for p in curve.points]
        axes.errorbar(
            [p.x for p in curve.points], places, xerr=[below, above], fmt=marker, markersize=4, color=colour,
            label=curve.name, linewidth=1.2,
        )  # fmt: skip
    axes.axvline(0, color="#888888", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    _legend(axes, _names(curves))
    return figure


def rocs(curves: Sequence[tuple[str, Array, Array]]) -> Figure:
    """Draw ROC curves."""
    names = [name for name, *_ in curves]
    figure, axes = _axes("false positives", "true positives", names, height=3.6)
    for number, (name, false, true) in enumerate(curves):
        axes.plot(false, true, color=_look(number)[0], label=name, linewidth=1.5)
    axes.plot([0, 1], [0, 1], color="#888888", linewidth=1, linestyle=":")
    axes.set_aspect("equal")
    _legend(axes, names)
    return figure


def _axes(x: str, y: str, names: Sequence[str], *, height: float = 3.1) -> tuple[Figure, Axes]:
    """Make axes, with room below for a legend of some names."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = -(-len(names) // _columns(names))
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height + 0.3 + 0.18 * rows), layout="constrained")
        axes: Any = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_axisbelow(True)
    return figure, axes


def _look(number: int) -> tuple[str, str]:
    return COLOURS[number % len(COLOURS)], MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


def _floor(curves: Sequence[Curve]) -> float:
    """Return the share that is drawn for zero: half of the smallest share above zero, or 1 in 10,000."""
    return min([p.y for curve in curves for p in curve.points if p.y > 0], default=2e-4) / 2


def _log_share(axes: Axes, floor: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_ylim(low, max(high, 12 * floor))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _columns(names: Sequence[str]) -> int:
    return 1 if max(map(len, names), default=0) > LONG else 2


def _legend(axes: Axes, names: Sequence[str]) -> None:
    axes.figure.legend(
        loc="outside lower left", ncols=_columns(names), fontsize=8, frameon=False, labelcolor=INK, borderpad=0
    )


def _names(curves: Sequence[Curve]) -> list[str]:
    return [curve.name for curve in curves]
