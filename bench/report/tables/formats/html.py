"""A table as a page of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from bench.report.tables.grid import Cell, Grid, Head, Line

STYLE = """
table { border-collapse: collapse; font: 14px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums }
caption { text-align: left; max-width: 60em; padding-bottom: 1em }
th, td { text-align: left; vertical-align: top; padding: 0.2em 0.8em; border-top: 1px solid #ddd }
table + table, p + table { margin-top: 2em }
p { font: 13px/1.5 system-ui, sans-serif; max-width: 60em }
"""


def html_text(parts: Sequence[Grid], caption: str, title: str) -> str:
    """Write a page with the parts of one table, its caption above the first, the notes of each below it."""
    captions = [caption, *(part.title for part in parts[1:])]
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style></head>',
            "<body>",
            *(line for each in zip(parts, captions, strict=True) for line in _table(*each)),
            "</body></html>",
            "",
        ]
    )


def _table(grid: Grid, caption: str) -> list[str]:
    body = []
    for block in grid.blocks:
        if block.title:
            body.append(f'<tr><th colspan="{len(grid.heads) + 1}">{escape(block.title)}</th></tr>')
        body += [_line(line) for line in block.lines]
    notes = [f"<p><sup>{mark}</sup> {escape(note)}</p>" for mark, note in grid.notes.items()]
    return [
        f"<table><caption>{escape(caption)}</caption>",
        f"<thead>{_heads(grid.heads)}</thead>",
        "<tbody>",
        *body,
        "</tbody></table>",
        *notes,
    ]


def _heads(heads: Sequence[Head]) -> str:
    rows = []
    if any(head.over for head in heads):
        spans = [(*of, len(list(columns))) for of, columns in groupby(heads, key=lambda head: (head.over, head.mark))]
        rows.append("".join(f'<th colspan="{n}">{escape(over)}{_raised(mark)}</th>' for over, mark, n in spans))
    rows.append("".join(f"<th>{escape(f'{head.name} {head.arrow}'.rstrip())}</th>" for head in heads))
    return "".join(f"<tr><th></th>{row}</tr>" for row in rows)


def _line(line: Line) -> str:
    cells = "".join(f"<td>{_cell(cell)}</td>" for cell in line.cells)
    return f"<tr><th>{escape(line.label)}{_raised(line.mark)}</th>{cells}</tr>"


def _cell(cell: Cell) -> str:
    mean = f"<b>{escape(cell.mean)}</b>" if cell.best else escape(cell.mean)
    pieces = (mean, *map(escape, (cell.tail, cell.paper, cell.words)))
    below = f" <br><small>{escape(cell.interval)}</small>" if cell.interval else ""
    return " ".join(filter(None, pieces)) + _raised(cell.mark) + below


def _raised(mark: str) -> str:
    return f"<sup>{mark}</sup>" if mark else ""
