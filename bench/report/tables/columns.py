"""Choose a table's columns: all with a number, and in LaTeX those that fit a page; a CSV has all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.report.tables.definitions import Table
from bench.report.tables.grid import WORDS
from bench.report.tables.row import Row


def shown(table: Table, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the columns that hold a number or a published value."""
    left_out = empty(table, rows)
    return [row for row in rows if row.metric not in left_out]


def fitting(table: Table, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the columns that LaTeX has by default, without those that are shown in no format."""
    if table.chosen or not table.narrow:
        return shown(table, rows)
    return [row for row in shown(table, rows) if row.metric.partition("[")[0] in table.narrow]


def empty(table: Table, rows: Sequence[Row]) -> Mapping[str, str]:
    """Return the table's own columns that are dashes throughout, each with the reason.

    Columns that were asked for stay, and so do all if none has a number.
    """
    if table.chosen or table.rows == "models":
        return {}
    by_metric: dict[str, list[Row]] = {}
    for row in rows:
        if row.column and row.metric.partition("[")[0] in table.metrics:
            by_metric.setdefault(row.metric, []).append(row)
    without = {metric: _reason(found) for metric, found in by_metric.items() if not any(map(_says, found))}
    return without if len(without) < len(by_metric) else {}


def _says(row: Row) -> bool:
    return row.mean is not None or row.paper is not None or row.metric in WORDS


def _reason(rows: Sequence[Row]) -> str:
    return "; ".join(dict.fromkeys(row.note or "no number" for row in rows))
