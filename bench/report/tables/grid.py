"""The layout of a table: heads, blocks of lines, cells, and notes with their marks."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.report import digits
from bench.report.tables.definitions import Table
from bench.report.tables.row import Row

ARROWS = {True: "↑", False: "↓", None: ""}
INTERVALS = frozenset({"ratio"})  # metrics whose interval stands in the cell in every format, as that of a factor
WORDS = frozenset({"verdict"})  # metrics of which the note stands in the cell, instead of a number
COUNTS = frozenset({"read_elsewhere"})  # metrics that count some of the seeds
NEEDS = {
    "training_data": "the training data",
    "oracle": "the oracle",
    "encoder": "the encoder",
    "discriminator": "the discriminator",
    "recipe": "the training loss",
}
NOTHING = "–"
WIDE = 3  # upper over lower end of an interval


@dataclass(frozen=True)
class Cell:
    """A number, in pieces.

    Attributes
    ----------
    mean : str
        "" for an empty cell, a dash where there is no number.
    tail : str
        "± 0.0012", or an interval in brackets.
    paper : str
        The published value in parentheses.
    mark : str
        Of a note.
    words : str
        What is said instead of a number.
    best : bool
    interval : str
        95 % interval in brackets, for formats with room.
    """

    mean: str = ""
    tail: str = ""
    paper: str = ""
    mark: str = ""
    words: str = ""
    best: bool = False
    interval: str = ""


@dataclass(frozen=True)
class Head:
    """The head of a column: a name and an arrow, a title shared by several columns, and the mark of its note."""

    name: str
    arrow: str = ""
    over: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Line:
    """One row: its label, the marks of its notes, its cells."""

    label: str
    mark: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Block:
    """Rows under a common title."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Grid:
    """A whole table, or a part of it under a title; ``notes`` say by mark what marks mean."""

    heads: tuple[Head, ...]
    blocks: tuple[Block, ...]
    notes: Mapping[str, str]
    title: str = ""


def grid_of(table: Table, rows: Sequence[Row]) -> Grid:
    """Lay out rows: a line per variant and a column per metric, or a line per model and a column per variant.

    Rows without a column stand in the table's CSV alone.
    """
    rows = [row for row in rows if row.column]
    notes = Notes()
    if table.rows == "models":
        return _by_model(rows, notes)
    metrics = list(dict.fromkeys(row.metric for row in rows))
    blocks = []
    for place in dict.fromkeys((row.model, row.feature, row.at) for row in rows):
        of_place = [row for row in rows if (row.model, row.feature, row.at) == place]
        lines = [_line(label, of_label, metrics, notes) for label, of_label in _by_label(of_place).items()]
        blocks.append(Block(", ".join(filter(None, place)), tuple(lines)))
    heads = tuple(Head(metric, _arrow(rows, metric)) for metric in metrics)
    return Grid(heads, tuple(blocks), notes.by_mark)


def _by_label(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.variant, []).append(row)
    return found


def _line(label: str, rows: Sequence[Row], metrics: Sequence[str], notes: Notes) -> Line:
    mark = notes.mark("; ".join(filter(None, (_needs(rows[0]), rows[0].about))))
    cells = {row.metric: _cell(row, notes) for row in rows}
    return Line(label, mark, tuple(cells.get(metric, Cell()) for metric in metrics))


def _by_model(rows: Sequence[Row], notes: Notes) -> Grid:
    columns = list(dict.fromkeys((row.variant, row.feature, row.metric) for row in rows))
    several = len({metric for *_, metric in columns}) > 1
    needs = {row.variant: notes.mark(_needs(row)) for row in rows}
    heads = tuple(
        Head(f"{feature}, {metric}" if several else feature, _arrow(rows, metric), variant, needs[variant])
        for variant, feature, metric in columns
    )
    lines = []
    for model in dict.fromkeys(row.model for row in rows):
        cells = {(r.variant, r.feature, r.metric): _cell(r, notes) for r in rows if r.model == model}
        lines.append(Line(model, "", tuple(cells.get(column, Cell()) for column in columns)))
    return Grid(heads, (Block("", tuple(lines)),), notes.by_mark)


def _arrow(rows: Sequence[Row], metric: str) -> str:
    known = [row.higher_is_better for row in rows if row.metric == metric and row.higher_is_better is not None]
    return ARROWS[known[0] if known else None]


def _needs(row: Row) -> str:
    """Say what a method needs beyond clicks; "" if nothing."""
    return f"needs {' and '.join(NEEDS.get(need, need) for need in row.needs.split())}" if row.needs else ""


def _cell(row: Row, notes: Notes) -> Cell:
    if row.metric in WORDS:
        return Cell(words=row.note)
    paper = "" if row.paper is None else f"({digits.published(row.paper)})"
    if row.mean is None or row.mean != row.mean:
        return Cell(NOTHING, "", paper, notes.mark(row.note or "no number"))
    mark = notes.mark(row.note)
    if row.metric in INTERVALS:
        return Cell(*_factor(row.mean, row.low, row.high), mark=mark)
    if row.metric in COUNTS:
        return Cell(f"{row.mean:.0f}", f"of {row.seeds}", mark=mark)
    uncertainty = digits.uncertainty_of(row.mean, row.sd, row.low, row.high)
    places = digits.decimals(row.mean, uncertainty)
    tail = interval = ""
    if row.low is not None and row.high is not None and row.high > row.low:
        interval = f"[{digits.fixed(row.low, places)}, {digits.fixed(row.high, places)}]"
    if row.sd is not None and digits.spreads(row.mean, row.sd):
        tail = f"± {digits.fixed(row.sd, places)}"
    return Cell(digits.fixed(row.mean, places), tail, paper, mark, best=row.best, interval=interval)


def _factor(mean: float, low: float | None, high: float | None) -> tuple[str, str]:
    """Write a ratio and its interval; the ends of a wide interval have their own number of digits."""
    if low is None or high is None:
        return digits.times(mean, digits.factor_places(mean, None)), ""
    spread = high / low
    alike = [mean if spread < WIDE else value for value in (low, high)]
    ends = [digits.fixed(v, digits.factor_places(a, spread)) for v, a in zip((low, high), alike, strict=True)]
    return digits.times(mean, digits.factor_places(mean, spread)), f"[{', '.join(ends)}]"


@dataclass
class Notes:
    """Gives every text a unique mark: a, b, ... z, aa, ..."""

    by_mark: dict[str, str] = field(default_factory=dict)

    def mark(self, text: str) -> str:
        if not text:
            return ""
        known = next((mark for mark, note in self.by_mark.items() if note == text), None)
        if known is None:
            more, place = divmod(len(self.by_mark), 26)
            known = string.ascii_lowercase[place] * (more + 1)
            self.by_mark[known] = text
        return known
