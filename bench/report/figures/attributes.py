"""Figure 6: the share of the attributes that shifted most, for the original and the unlearned generators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.report.figures.page import DPI, GREY, HEADER, INK, MARGIN, SMALL, STYLE, TEXT, add_words, footer
from bench.report.figures.series import Panel, Series, about, heading
from bench.workspace.store.record import Measurement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 5  # attributes; as in the paper
SHIFT, RATIO = "attribute_shift[", "attribute_ratio["
ORIGINAL = "original"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00")  # Okabe and Ito's, told apart by everyone
WIDTH, HEIGHT = 7.2, 2.1  # inches of a page, and of one row of two panels


def most_shifted(panels: Sequence[Panel]) -> tuple[Figure, str]:
    """Draw Figure 6: per feature, bars of the five non-target attributes that the first method shifted most."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    ranking = _ranking(panels[0].series).label
    caption = (
        f"The {SHOWN} attributes other than the target whose share {ranking} shifted most, among "
        f"{panels[0].series[0].count:,} samples, with 95 % intervals over samples (Wilson). {about(panels)}"
    )
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    below = footer(caption, WIDTH)
    height = HEADER + rows * HEIGHT + below
    with rc_context(STYLE):
        side, top = MARGIN / WIDTH, HEADER / height
        layout = ConstrainedLayoutEngine(rect=(side, below / height, 1 - 2 * side, 1 - top - below / height))
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout=layout)
        for k, panel in enumerate(panels):
            _bars(figure.add_subplot(rows, columns, k + 1), panel, first=k % columns == 0)
        add_words(figure, heading("Shifted attributes", panels), caption)
    return figure, caption


def _ranking(series: Sequence[Series]) -> Series:
    """Return the first series that is not the original."""
    return next((s for s in series if s.resolved.cell.method != ORIGINAL), series[0])


def _bars(axes: Any, panel: Panel, *, first: bool) -> None:
    shown = _shown(panel)
    thickness = 0.8 / len(panel.series)
    colours = iter(COLOURS * len(panel.series))
    for i, series in enumerate(panel.series):
        values = _ratios(panel, series, shown)
        ratios = [v.value for v in values]
        axes.bar(
            [k + (i - (len(panel.series) - 1) / 2) * thickness for k in range(len(shown))],
            ratios,
            0.92 * thickness,
            yerr=[[v.value - (v.low or 0.0) for v in values], [(v.high or 1.0) - v.value for v in values]],
            error_kw={"elinewidth": 0.7, "capsize": 1.5, "capthick": 0.7, "ecolor": INK},
            color="#999999" if series.resolved.cell.method == ORIGINAL else next(colours),
            label=series.label.replace("\n", " "),
        )
    axes.set_xticks(range(len(shown)), [_readable(name) for name in shown], fontsize=SMALL)
    axes.set_title(panel.feature, fontsize=TEXT, fontweight="bold", loc="left")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
    axes.tick_params(length=0, labelsize=SMALL, colors=INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.4, color="#dddddd")
    axes.set_axisbelow(True)
    axes.legend(fontsize=SMALL, frameon=False, loc="lower right", bbox_to_anchor=(1, 0.97), ncols=4, borderpad=0)
    if first:
        axes.set_ylabel("share of samples", fontsize=SMALL, color=GREY)


def _shown(panel: Panel) -> list[str]:
    """Return the attributes that the first method shifted most."""
    metrics = _ranking(panel.series).record.metrics
    names = [name[len(SHIFT) : -1] for name in metrics if name.startswith(SHIFT)]
    if not names:
        raise _not_measured(f"no attribute but the target '{panel.feature}' is measured in these cells")
    return sorted(names, key=lambda name: -abs(metrics[f"{SHIFT}{name}]"].value))[:SHOWN]


def _ratios(panel: Panel, series: Series, names: Sequence[str]) -> list[Measurement]:
    """Return the shares of samples of a cell that have each attribute."""
    metrics = series.record.metrics
    if missing := [name for name in names if f"{RATIO}{name}]" not in metrics]:
        folder = series.resolved.folder.name
        raise _not_measured(f"for '{panel.feature}', {', '.join(missing)} is not measured in the cell {folder}")
    return [metrics[f"{RATIO}{name}]"] for name in names]


def _not_measured(what: str) -> BenchError:
    return BenchError(f"figure 6: {what}. Let the metric 'diversity' be computed (evaluation.metrics).")


def _readable(attribute: str) -> str:
    """Break an attribute's name into the lines of a label."""
    return attribute.replace("_", "\n", 1).replace("_", " ")
