"""A table in LaTeX as it goes into a paper: numbers aligned by decimal point, the best in bold, marks with notes below.

It needs the package ``booktabs`` and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bench.report.digits import after_point
from bench.report.tables.captions import EMBEDDED
from bench.report.tables.grid import NOTHING, Cell, Grid, Head, Line

SPECIAL = str.maketrans(
    {
        **{character: f"\\{character}" for character in "_&%#${}"},
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
        "×": r"$\times$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "–": "--",
    }
)
SHORT = 30  # letters of words that need no paragraph
NAMES = {
    "roc_auc": "ROC-AUC",
    "inception_score": "IS",
    "fid": "FID",
    "fid_retain": "FID, retained",
    "fid_counterfactual": "FID, redrawn",
    "kid": "KID",
    "inception_score_change": "change of IS",
    "fid_change": "change of FID",
    "fid_retain_change": "change of FID, retained",
    "fid_counterfactual_change": "change of FID, redrawn",
    "kid_change": "change of KID",
    "peak_memory_mb": "memory, MB",
    "non_target_images": "non-target images",
}  # of metrics; of all others, "_" becomes a space


def latex_text(parts: Sequence[Grid], caption: str, label: str, further: Sequence[str] = ()) -> str:
    """Write the parts of a table, the caption above the first and the notes of each below it.

    ``further`` are the columns that it lacks, to fit a page: a comment says how to choose others.
    """
    titled, blocks = len(parts[0].blocks) > 1, parts[0].blocks
    alone = "" if titled or not blocks[0].title else f" Model, feature: {blocks[0].title}."
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            *(
                [f"% further columns are in the CSV ({', '.join(further)}); --metric NAME,... chooses"]
                if further
                else []
            ),
            r"\begin{table}",
            r"\centering\small\setlength{\tabcolsep}{4pt}",
            rf"\caption{{{escaped(caption + alone)}}}",
            rf"\label{{{label}}}",
            *(line for part in parts for line in _part(part)),
            r"\end{table}",
            "",
        ]
    )


def _part(grid: Grid) -> list[str]:
    lines = [line for block in grid.blocks for line in block.lines]
    titled = len(grid.blocks) > 1
    tails = [any(line.cells[i].tail or line.cells[i].paper for line in lines) for i in range(len(grid.heads))]
    deepest = [max((after_point(line.cells[i].mean) for line in lines), default=0) for i in range(len(grid.heads))]
    body: list[str] = []
    for block in grid.blocks:
        if titled:
            body += [r"\midrule"] if body else []
            body.append(rf"\multicolumn{{{1 + len(tails) + sum(tails)}}}{{l}}{{\emph{{{escaped(block.title)}}}}} \\")
        for line in block.lines:
            body += [_line(line, tails, deepest), *_intervals(line, tails)]
    columns = "".join(map(_column, tails, _worded(grid)))
    return [
        *(["", r"\bigskip", rf"\emph{{{escaped(grid.title)}}}", "", r"\smallskip"] if grid.title else []),
        rf"\begin{{tabular}}{{@{{}}{_labels(lines)}{columns}@{{}}}}",
        r"\toprule",
        *_heads(grid.heads, tails),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *_notes(grid),
    ]


def _labels(lines: Sequence[Line]) -> str:
    """Return how the column of labels is set: long ones are broken into several lines."""
    longest = max((len(line.label) for line in lines), default=0)
    return r"p{0.25\linewidth}" if longest > SHORT else "l"


def _column(tail: bool, longest: int) -> str:
    """Return how a column is set: numbers by decimal point, sentences in a paragraph."""
    if longest > SHORT:
        return r"p{0.3\linewidth}"
    return "l" if longest else "r@{ }l" if tail else "r"


def _worded(grid: Grid) -> list[int]:
    """Return by column how many letters the longest words have that stand there instead of numbers."""
    lines = [line for block in grid.blocks for line in block.lines]
    return [max((len(line.cells[i].words) for line in lines), default=0) for i in range(len(grid.heads))]


def escaped(text: str) -> str:
    """Return text with everything escaped that LaTeX would read."""
    return text.translate(SPECIAL)


def _heads(heads: Sequence[Head], tails: Sequence[bool]) -> list[str]:
    one = len({head.name.partition("[")[2] for head in heads if _embedded(head)}) == 1  # the caption names it
    names = [_spanned(_head(head, one), 1 + tail) for head, tail in zip(heads, tails, strict=True)]
    line = rf" & {' & '.join(names)} \\"
    if not any(head.over for head in heads):
        return [line]
    above, rules, first = [], [], 2
    for (over, mark), columns in groupby(zip(heads, tails, strict=True), key=lambda c: (c[0].over, c[0].mark)):
        width = sum(1 + tail for _, tail in columns)
        above.append(_spanned(escaped(over) + _raised(mark), width))
        rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
        first += width
    return [rf" & {' & '.join(above)} \\", " ".join(rules), line]


def _spanned(text: str, width: int) -> str:
    return rf"\multicolumn{{{width}}}{{c}}{{{text}}}"


def _head(head: Head, one: bool) -> str:
    """Name a metric as a paper does: ``fid[digits]`` is "FID", or "FID (digits)" where not all are of ``one``."""
    name, _, where = head.name.partition("[")
    said = f" ({where.rstrip(']')})" if where and not (one and _embedded(head)) else ""
    return escaped(f"{NAMES.get(name, name.replace('_', ' '))}{said} {head.arrow}".rstrip())


def _embedded(head: Head) -> bool:
    """Say whether a column is of an extractor that the caption names."""
    return "[" in head.name and head.name.partition("[")[0].removesuffix("_change") in EMBEDDED


def _line(line: Line, tails: Sequence[bool], deepest: Sequence[int]) -> str:
    cells = [_cell(*each) for each in zip(line.cells, tails, deepest, strict=True)]
    return rf"{escaped(line.label)}{_raised(line.mark)} & {' & '.join(cells)} \\"


def _intervals(line: Line, tails: Sequence[bool]) -> list[str]:
    """Write the intervals of a line below it, in small print; nothing if it has none."""
    if not any(cell.interval for cell in line.cells):
        return []
    pairs = zip(line.cells, tails, strict=True)
    cells = [
        _spanned(rf"\scriptsize {_minus(each.interval)}" if each.interval else "", 1 + tail) for each, tail in pairs
    ]
    return [rf" & {' & '.join(cells)} \\"]


def _cell(cell: Cell, tail: bool, deepest: int) -> str:
    """Write a number, padded to the column's decimals, and in a second column what stands after it."""
    if cell.words:
        return escaped(cell.words)
    mean = "--" if cell.mean == NOTHING else _minus(escaped(cell.mean))
    mean = (rf"\textbf{{{mean}}}" if cell.best else mean) + _padding(cell, deepest)
    after = _minus(escaped(" ".join(part for part in (cell.tail, cell.paper) if part)))
    mark = rf"\rlap{{{_raised(cell.mark)}}}" if cell.mark else ""
    if not tail:
        return mean + mark
    return f"{mean} & {after}{mark}" if after else f"{mean}{mark} &"


def _padding(cell: Cell, deepest: int) -> str:
    """Return blanks as wide as the decimals that a number has fewer than its column."""
    missing = deepest - after_point(cell.mean)
    if not missing or cell.mean in ("", NOTHING):
        return ""
    digits = "0" * missing if after_point(cell.mean) else f".{'0' * (missing - 1)}"
    return rf"\phantom{{{digits}}}"


def _minus(text: str) -> str:
    return text.replace("-", "$-$")


def _raised(mark: str) -> str:
    return rf"\textsuperscript{{{mark}}}" if mark else ""


def _notes(grid: Grid) -> list[str]:
    notes = [rf"{_raised(mark)}~{escaped(note)}" for mark, note in grid.notes.items()]
    return ["", r"\smallskip", rf"{{\footnotesize {'; '.join(notes)}.}}"] if notes else []
