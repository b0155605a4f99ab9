"""A table as plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from bench.report.digits import after_point
from bench.report.tables.grid import Cell, Grid, Head

WIDTH = 110  # letters of a caption's line
BEST = "*"


def plain_text(parts: Sequence[Grid], caption: str) -> str:
    """Format the parts of a table, each with its notes, and the caption."""
    lines = [line for part in parts for line in _part(part)]
    return "\n".join(line.rstrip() for line in [*lines, fill(caption, WIDTH)])


def _part(grid: Grid) -> list[str]:
    columns = [_column(head, cells) for head, cells in zip(grid.heads, _cells_by_column(grid), strict=True)]
    lines = [line for block in grid.blocks for line in block.lines]
    labels = ["", "", *(f"  {_marked(line.label, line.mark)}" for line in lines)]
    width = max(map(len, labels))
    printed = [f"{label:{width}}" + "".join(column[i] for column in columns) for i, label in enumerate(labels)]
    text = printed[: 2 if any(head.over for head in grid.heads) else 0] or printed[1:2]
    rows = iter(printed[2:])
    for block in grid.blocks:
        text += [block.title] if block.title else []
        text += [next(rows) for _ in block.lines]
    notes = [f"[{mark}] {note}" for mark, note in grid.notes.items()]
    if any(cell.best for line in lines for cell in line.cells):
        notes.append(f"{BEST} best, or not told apart from the best")
    return [*([grid.title] if grid.title else []), *text, "", *notes, *([""] if notes else [])]


def _cells_by_column(grid: Grid) -> list[list[Cell]]:
    lines = [line for block in grid.blocks for line in block.lines]
    return [[line.cells[i] for line in lines] for i in range(len(grid.heads))]


def _column(head: Head, cells: Sequence[Cell]) -> list[str]:
    """Return a column as texts of one width: two for its head, then one for each cell, aligned by decimal point."""
    most = max((after_point(cell.mean) for cell in cells), default=0)
    means = [cell.mean + " " * (most - after_point(cell.mean)) for cell in cells]
    widest = max(map(len, means), default=0)
    texts = [f"{mean:>{widest}} {_after(cell)}".rstrip() for mean, cell in zip(means, cells, strict=True)]
    above = [_marked(head.over, head.mark), f"{head.name} {head.arrow}".rstrip()]
    width = max(map(len, [*above, *texts]))
    return [f"   {text:{width}}" for text in [*above, *texts]]


def _marked(label: str, mark: str) -> str:
    return f"{label} [{mark}]" if mark else label


def _after(cell: Cell) -> str:
    best, mark = BEST if cell.best else "", f"[{cell.mark}]" if cell.mark else ""
    return " ".join(part for part in (cell.tail, cell.paper, cell.words, best, mark) if part)
