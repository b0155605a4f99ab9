"""From the tidy frame to CSV, LaTeX (booktabs), HTML and plain text, through pandas' Styler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.core.files import write_bytes
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.report.definitions import Options, Table

FORMATS = ("csv", "latex", "html")
SUFFIX = {"csv": ".csv", "latex": ".tex", "html": ".html"}
ARROWS = {True: "↑", False: "↓", None: ""}


def require_formats(formats: Sequence[str]) -> None:
    """Raise UsageError, before any work, if a format is unknown."""
    wrong = [name for name in formats if name not in FORMATS]
    if wrong:
        raise UsageError(f"--formats {','.join(wrong)}: expected some of {','.join(FORMATS)}")


def write(table: Table, frame: pd.DataFrame, options: Options, formats: Sequence[str], out: Path) -> list[Path]:
    """Write the table in each format; returns the files."""
    pivot, caption = pivoted(table, frame), caption_of(table, frame, options)
    texts = {
        "csv": lambda: frame.to_csv(index=False),
        "latex": lambda: _latex(pivot, caption, table.name),
        "html": lambda: _html(pivot, caption, table.title),
    }
    paths = []
    for name in formats:
        path = out / f"table-{table.name}{SUFFIX[name]}"
        write_bytes(path, texts[name]().encode())
        paths.append(path)
    return paths


def pivoted(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Arrange numbers as the paper does: text cells "mean ± sd", the paper's value in parentheses."""
    shown = frame.assign(text=[_number(row) for row in frame.to_dict("records")])
    shown["measure"] = [
        f"{m} {ARROWS[_direction(m, b)]}".strip()
        for m, b in zip(shown["metric"], shown["higher_is_better"], strict=True)
    ]
    # a metric without numbers in one row has no arrow of its own there: take the others'
    shown["measure"] = shown.groupby("metric")["measure"].transform("max")
    index = ["model", "feature", "variant"] if table.rows == "variants" else ["model"]
    columns = ["measure"] if table.rows == "variants" else ["variant", "feature"]
    wide = shown.pivot_table(index=index, columns=columns, values="text", aggfunc="first", sort=False)
    wide.columns.names = [None] * wide.columns.nlevels
    return wide


def caption_of(table: Table, frame: pd.DataFrame, options: Options) -> str:
    """Say what the numbers are: seeds, samples, data, extractors, and what stands in parentheses."""
    counts = [int(n) for n in frame["n"].dropna().unique()]
    data = "; ".join(sorted(frame["data"].unique()))
    extractors = sorted({str(m).split("[")[1].rstrip("]") for m in frame["metric"] if "[" in str(m)})
    needs = sorted({f"{row['variant']}: {row['needs']}" for row in frame.to_dict("records") if row["needs"]})
    parts = [f"{table.title}."]
    if table.variants:
        parts.append(
            f"Mean ± standard deviation over {len(options.seeds)} feedback and unlearning seeds "
            f"({', '.join(map(str, options.seeds))}), the original generator fixed, "
            f"up to {max(counts, default=0)} samples each."
        )
    parts.append(f"Data: {data}.")
    if extractors:
        parts.append(
            f"IS and FID use the embeddings of: {', '.join(extractors)}. The paper's use Inception's and are not "
            "comparable."
        )
    if needs:
        parts.append(f"Needs more than clicks: {'; '.join(needs)}.")
    if frame["paper"].notna().any():
        parts.append("In parentheses: the value published in arXiv 2303.05699.")
    return " ".join(parts)


def as_text(table: Table, frame: pd.DataFrame, options: Options) -> str:
    """Format for a terminal, with the caption."""
    return f"{pivoted(table, frame).to_string()}\n\n{fill(caption_of(table, frame, options), 110)}"


def _direction(metric: str, higher_is_better: Any) -> bool | None:
    return None if higher_is_better is None or pd.isna(higher_is_better) else bool(higher_is_better)


def _number(row: Mapping[Any, Any]) -> str:
    paper = f" ({_digits(row['paper'])})" if pd.notna(row["paper"]) else ""
    if pd.isna(row["mean"]):
        return f"n/a: {row['note']}{paper}"
    sd = row["sd"]
    spread = "" if pd.isna(sd) else f" ± {sd if sd > 1e-9 * abs(row['mean']) else 0:.2g}"
    fewer = f" [{row['note']}]" if row["note"] else ""
    return f"{_digits(row['mean'])}{spread}{paper}{fewer}"


def _digits(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def _latex(pivot: pd.DataFrame, caption: str, name: str) -> str:
    replaced = pivot.map(_escape_latex).rename(index=_escape_latex, columns=_escape_latex)
    styler = replaced.style
    text: str = styler.to_latex(
        hrules=True,
        convert_css=True,
        caption=_escape_latex(caption),
        label=f"tab:{name}",
        position_float="centering",
        multirow_align="naive",  # needs no package but booktabs
    )
    return f"% needs \\usepackage{{booktabs}}\n{text}"


LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "_&%#${}"},
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
    }
)


def _escape_latex(text: Any) -> str:
    return str(text).translate(LATEX)


def _html(pivot: pd.DataFrame, caption: str, title: str) -> str:
    styles: Any = [
        {"selector": "", "props": "border-collapse: collapse; font: 14px/1.5 system-ui, sans-serif;"},
        {"selector": "caption", "props": "text-align: left; max-width: 60em; padding-bottom: 1em;"},
        {
            "selector": "th, td",
            "props": "text-align: left; vertical-align: top; padding: 0.2em 0.8em; border-top: 1px solid #ddd;",
        },
    ]
    styler = pivot.style.format(escape="html").format_index(escape="html").format_index(escape="html", axis=1)
    body = styler.set_caption(escape(caption)).set_table_styles(styles).to_html()
    head = f'<head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    return f'<!doctype html>\n<html lang="en">{head}\n<body>\n{body}</body></html>\n'
