"""A table's text, LaTeX and HTML."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from html_cells import Cells

from bench.report import formats
from bench.report.definitions import Options, Table


def frame(**changed):
    row = {
        "table": "x", "model": "vae", "feature": "slant", "variant": "ours", "method": "ours", "needs": "", "metric": "fid[digits]",
        "mean": 1234.5, "sd": 0.0123, "seeds": 5, "n": 10, "higher_is_better": False, "note": "", "paper": 1.5, "data": "D", "source": "",
    }  # fmt: skip
    return pd.DataFrame([{**row, **changed}])


SHAPE = Table("x", "A title", (), ("fid",))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "1,234 ± 0.012 (1.5)"),
        ({"mean": 0.0097123, "sd": None, "paper": None}, "0.009712"),
        ({"mean": 0.0, "sd": 0.0, "paper": 0.0}, "0 ± 0 (0)"),
        ({"note": "3 of 5 seeds"}, "1,234 ± 0.012 (1.5) [3 of 5 seeds]"),
        ({"mean": None, "sd": None, "note": "skipped: why", "paper": 0.5}, "n/a: skipped: why (0.5)"),
    ],
)
def test_a_cell_s_text(changed, text):
    assert formats.pivoted(SHAPE, frame(**changed)).iloc[0, 0] == text


@pytest.mark.parametrize(
    ("higher_is_better", "column"),
    [(True, "fid[digits] ↑"), (False, "fid[digits] ↓"), (None, "fid[digits]"), (float("nan"), "fid[digits]")],
)
def test_an_arrow_says_which_way_is_better_where_one_is(higher_is_better, column):
    assert list(formats.pivoted(SHAPE, frame(higher_is_better=higher_is_better)).columns) == [column]


HOSTILE = r"50% of $x$ & #1 {a}_b ^2 ~ \end{tabular} <b>"


def test_latex_and_html_escape_whatever_a_reason_holds(tmp_path):
    hostile = frame(mean=None, sd=None, note=HOSTILE, variant=HOSTILE, data=HOSTILE)
    latex, html = (p.read_text() for p in formats.write(SHAPE, hostile, Options(), ["latex", "html"], tmp_path))
    escaped = r"50\% of \$x\$ \& \#1 \{a\}\_b \textasciicircum{}2 \textasciitilde{} \textbackslash{}end\{tabular\} "
    assert latex.count(escaped) == 3, "the cell, the row's name and the caption"
    assert latex.count(r"\end{tabular}") == 1
    assert not re.search(r"(?<!\\)[%#](?!.*booktabs)", latex)
    assert Cells(html).cells.count(HOSTILE) == 1 and f"n/a: {HOSTILE} (1.5)" in Cells(html).cells
    assert "<b>" not in html
