"""The last part of table ``readings``: which reading of the text gives the paper's target ratios."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import stdev

from bench.report.comparing.curves import Spot, log_odds
from bench.report.comparing.paired import COVERS, ENOUGH, student
from bench.report.tables.definitions import OURS
from bench.report.tables.entry import Entry
from bench.report.tables.grid import NOTHING, Block, Cell, Grid, Head, Line, Notes
from bench.report.tables.published import Published
from bench.report.tables.row import Row

METRICS = ("agrees", "agreeing")
DECIMALS = 4  # of target ratios, as the paper gives them


@dataclass(frozen=True)
class Agreement:
    """A reading and the paper's number.

    Attributes
    ----------
    low, high : float
        95 % interval of the reading's mean target ratio over seeds; NaN for fewer than ``ENOUGH`` seeds.
    words : str
        "yes" (the number lies in it), "one run" (it lies where 95 % of further single runs would), "no", or
        "too few seeds".
    """

    low: float
    high: float
    words: str


def agreement_of(ratios: Sequence[float], n: int, paper: float) -> Agreement:
    """Compare target ratios of several seeds, n samples each, with the paper's, by log-odds."""
    if len(ratios) < ENOUGH:
        return Agreement(math.nan, math.nan, "too few seeds")
    found, wanted = [log_odds(ratio, n) for ratio in ratios], log_odds(paper, n)
    mean, low, high = student(found)
    further = (high - mean) * math.sqrt(1 + len(found))  # half of the interval for one more run
    words = "yes" if low <= wanted <= high else "one run" if abs(wanted - mean) <= further else "no"
    if not stdev(found):
        words = "yes" if math.isclose(wanted, mean) else "no"
    return Agreement(Spot(0, low).ratio(n), Spot(0, high).ratio(n), words)


def agreement_rows(rows: Sequence[Row], entries: Sequence[Entry], published: Published) -> list[Row]:
    """Return a row for each reading and each cell of the paper, then one for each reading that counts these."""
    datasets = {entry.place: entry.done.planned.cell.settings.dataset for entry in entries}
    papers = {place: published.value("2", *place, OURS, "target_ratio") for place in datasets}
    ours = {p for p, paper in papers.items() if paper is not None and published.is_of_paper(datasets[p], p[1])}
    found = [
        _row(row, papers[row.model, row.feature])
        for row in rows
        if row.metric == "target_ratio" and (row.model, row.feature) in ours and row.by_seed
    ]
    by_reading: dict[str, list[Row]] = {}
    for row in found:
        by_reading.setdefault(row.variant, []).append(row)
    return [*found, *(count for each in by_reading.values() for count in _counts(each))]


def _row(row: Row, paper: float | None) -> Row:
    assert paper is not None and row.n is not None
    found = agreement_of(list(row.by_seed.values()), row.n, paper)
    known = not math.isnan(found.low)
    return replace(
        row,
        metric="agrees",
        mean=float(found.words == "yes") if known else None,
        sd=None,
        low=found.low if known else None,
        high=found.high if known else None,
        covers=COVERS if known else "",
        seeds_low=None,
        seeds_high=None,
        paper=paper,
        higher_is_better=None,
        note=found.words,
        best=False,
    )


def _counts(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield how many cells agree, and how many do at least as one run; ``n`` is of how many."""
    known = [row for row in rows if row.mean is not None]
    cells = "all cells of the paper"
    for at, words in (("interval of the mean", ("yes",)), ("one run", ("yes", "one run"))):
        agreeing = sum(row.note in words for row in known)
        yield replace(
            rows[0], model=cells, feature="", at=at, metric="agreeing", mean=agreeing if known else None,
            n=len(known), n_most=len(known), low=None, high=None, covers="", paper=None,
            note="" if known else "no cell with enough seeds",
        )  # fmt: skip


def agreement_grid(rows: Sequence[Row]) -> Grid:
    """Lay out agreement: a line per reading, a column per cell of the paper, and counts."""
    cells = {(row.model, row.feature): row.paper for row in rows if row.metric == "agrees"}
    counts = list(dict.fromkeys(row.at for row in rows if row.metric == "agreeing"))
    heads = [Head(f"{model}, {feature} ({paper:g})") for (model, feature), paper in cells.items()]
    lines, notes = [], Notes()
    for reading in dict.fromkeys(row.variant for row in rows):
        own = [row for row in rows if row.variant == reading]
        said = {(row.model, row.feature): _compared(row) for row in own if row.metric == "agrees"}
        counted = {row.at: _counted(row) for row in own if row.metric == "agreeing"}
        found = [*(said.get(cell, Cell()) for cell in cells), *(counted.get(at, Cell()) for at in counts)]
        lines.append(Line(reading, notes.mark(own[0].about), tuple(found)))
    every = (*heads, *(Head(f"agree: {at}") for at in counts))
    return Grid(
        every, (Block("", tuple(lines)),), notes.by_mark, "Agreement with the paper's target ratio (in parentheses)"
    )


def _compared(row: Row) -> Cell:
    if row.low is None or row.high is None:
        return Cell(words=row.note)
    return Cell(words=f"{row.note} [{row.low:.{DECIMALS}f}, {row.high:.{DECIMALS}f}]")


def _counted(row: Row) -> Cell:
    return Cell(NOTHING) if row.mean is None else Cell(f"{row.mean:.0f}", f"of {row.n}")
