"""A table's text, LaTeX and HTML: digits, alignment, marks, what is best."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from html_cells import Cells

from bench.registry import Registry
from bench.report.comparing.paired import over_seeds
from bench.report.digits import decimals
from bench.report.names import file_stem
from bench.report.tables.best import with_best
from bench.report.tables.definitions import Options, Table
from bench.report.tables.formats import files as formats
from bench.report.tables.grid import Cell, grid_of
from bench.report.tables.row import Row

REGISTRY = Registry()
SHAPE = Table("x", "A title", (), ("fid",))
ROW = Row(
    "x", "vae", "slant", "ours", "ours", metric="fid[digits]", mean=1234.5, sd=0.0123, seeds=5, n=10,
    higher_is_better=False, paper=1.5, data="D",
)  # fmt: skip


def only_cell(**changed):
    return grid_of(SHAPE, [replace(ROW, **changed)]).blocks[0].lines[0].cells[0]


def written(rows, tmp_path, table=SHAPE):
    """Return the LaTeX and the HTML of rows."""
    files = {name: tmp_path / f"table-x{suffix}" for name, suffix in formats.SUFFIX.items() if name != "csv"}
    return (path.read_text() for path in formats.write(table, rows, [], Options(), files))


def test_brackets_in_a_label_are_not_a_mark(tmp_path):
    table = replace(SHAPE, rows="models")
    rows = [replace(ROW, variant=name, needs=needs) for name, needs in (("mine [b]", ""), ("ours", "oracle"))]
    latex, html = written(rows, tmp_path, table)
    assert r"{c}{mine [b]} &" in latex and r"{c}{ours\textsuperscript{a}}" in latex
    assert ">mine [b]</th>" in html and ">ours<sup>a</sup></th>" in html
    text = formats.as_text(table, rows, [], Options())
    assert "mine [b]  " in text and "ours [a]" in text and "[b] " not in text.replace("mine [b] ", "")


# --- digits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "uncertainty", "places"),
    [
        (0.0123456, 0.0012, 4), (0.0123456, 0.0034, 3), (0.0123456, 0.0099, 3), (7.4145, 0.36, 1), (7.4145, 0.13, 2),
        (13934.2, 210.0, 0), (0.5, None, 3), (7.3701, None, 2), (0.00867, None, 5), (12.0, None, 0), (0.0, None, 0),
        (0.0, 0.0032, 3), (1e-9, 1e-10, 6), (0.9, 0.0999, 2), (0.9, 0.2951, 1), (0.9, 0.29, 2),
    ],
)  # fmt: skip
def test_the_uncertainty_decides_the_digits(value, uncertainty, places):
    assert decimals(value, uncertainty) == places


@pytest.mark.parametrize(
    ("changed", "cell"),
    [
        ({}, Cell("1,234.500", "± 0.012", "(1.5)")),
        ({"paper": None}, Cell("1,234.500", "± 0.012")),
        ({"sd": None, "paper": None}, Cell("1,234")),
        ({"sd": 0.0, "paper": None}, Cell("1,234")),
        ({"sd": 1e-12, "mean": 0.5, "paper": None}, Cell("0.500")),
        ({"sd": 0.0, "mean": 0.02, "low": 0.013, "high": 0.031, "paper": None}, Cell("0.020", interval="[0.013, 0.031]")),
        ({"mean": -0.0001, "sd": 0.02, "paper": None}, Cell("0.000", "± 0.020")),
        ({"mean": None, "note": "why"}, Cell("–", "", "(1.5)", "a")),
        ({"note": "2 of 3 seeds", "paper": None}, Cell("1,234.500", "± 0.012", "", "a")),
        (
            {"metric": "ratio", "mean": 0.6123, "sd": None, "low": 0.399, "high": 0.933, "note": "at most this", "paper": None},
            Cell("×0.61", "[0.40, 0.93]", "", "a"),
        ),
        ({"metric": "ratio", "mean": 1.0, "sd": None, "paper": None}, Cell("×1")),
        ({"metric": "ratio", "mean": 4.26, "low": 0.31, "high": 93.7, "paper": None}, Cell("×4.3", "[0.31, 94]")),
        ({"metric": "ratio", "mean": 1.004, "low": 0.998, "high": 1.0101, "paper": None}, Cell("×1.004", "[0.998, 1.010]")),
        ({"metric": "ratio", "mean": 1.123, "low": 0.9, "high": 1.4, "paper": None}, Cell("×1.12", "[0.90, 1.40]")),
        ({"metric": "ratio", "mean": 12.3, "low": 10.1, "high": 15.2, "paper": None}, Cell("×12", "[10, 15]")),
        ({"metric": "read_elsewhere", "mean": 3, "sd": None, "paper": None}, Cell("3", "of 5")),
        ({"metric": "verdict", "mean": 1.9, "note": "leaves less", "paper": None}, Cell(words="leaves less")),
    ],
)  # fmt: skip
def test_a_cell_s_pieces(changed, cell):
    assert only_cell(**changed) == cell


def test_a_caveat_and_a_verdict_of_a_ratio_stand_in_every_format(tmp_path):
    row = replace(ROW, metric="ratio", mean=0.5, sd=None, low=0.2, high=1.25, note="at most this", paper=None)
    said = "not distinguishable; smallest difference this could see: a factor of 3.2"
    rows = [row, replace(row, metric="verdict", mean=3.17, low=None, high=None, note=said)]
    latex, html = written(rows, tmp_path)
    assert (
        r"$\times$0.50 & [0.20, 1.25]\rlap{\textsuperscript{a}}" in latex
        and r"\textsuperscript{a}~at most this." in latex
    )
    assert rf"& {said} \\" in latex and r"{@{}lr@{ }lp{0.3\linewidth}@{}}" in latex
    assert (
        "×0.50 [0.20, 1.25]<sup>a</sup>" in html and "<sup>a</sup> at most this" in html and f"<td>{said}</td>" in html
    )
    text = formats.as_text(SHAPE, rows, [], Options())
    assert "×0.50 [0.20, 1.25] [a]" in text and "[a] at most this" in text and said in text


def test_where_curves_are_read_is_the_title_of_a_block(tmp_path):
    rows = [replace(ROW, at=at) for at in ("equal damage", "equal removal")]
    latex, html = written(rows, tmp_path)
    assert r"\emph{vae, slant, equal damage}" in latex and "vae, slant, equal removal</th>" in html


def test_what_to_know_of_a_row_is_a_mark_at_its_label(tmp_path):
    latex, html = written([replace(ROW, about="our reading", needs="oracle")], tmp_path)
    assert r"ours\textsuperscript{a}" in latex and "needs the oracle; our reading" in html


@pytest.mark.parametrize(("higher_is_better", "arrow"), [(True, "↑"), (False, "↓"), (None, "")])
def test_an_arrow_says_which_way_is_better_where_one_is(higher_is_better, arrow):
    without = replace(ROW, variant="none", mean=None, higher_is_better=None)
    assert grid_of(SHAPE, [without, replace(ROW, higher_is_better=higher_is_better)]).heads[0].arrow == arrow


# --- LaTeX and HTML -----------------------------------------------------------------------------------


HOSTILE = r"50% of $x$ & #1 {a}_b ^2 ~ \end{tabular} <b>"


def test_latex_and_html_escape_whatever_a_reason_holds(tmp_path):
    hostile = replace(ROW, mean=None, sd=None, note=HOSTILE, variant=HOSTILE, data=HOSTILE)
    latex, html = written([hostile], tmp_path)
    escaped = r"50\% of \$x\$ \& \#1 \{a\}\_b \textasciicircum{}2 \textasciitilde{} \textbackslash{}end\{tabular\} "
    assert latex.count(escaped) == 3, "the note, the row's name and the caption"
    assert latex.count(r"\end{tabular}") == 1
    assert not re.search(r"(?<!\\)[%#](?!.*booktabs)", latex)
    assert Cells(html).cells.count(HOSTILE) == 1 and "<b>" not in html.replace("<body>", "")
    assert html.count("50% of $x$ &amp; #1") == 3


def cells_in(latex):
    """Return the cells of the lines between the second rule and the last."""
    body = latex.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    return [[cell.strip() for cell in line.removesuffix(r"\\").split("&")] for line in body.strip().splitlines()]


def test_latex_aligns_numbers_and_has_no_sentence_in_a_cell(tmp_path):
    rows = [
        replace(ROW, variant="a", mean=0.0123, sd=0.0012, paper=None),
        replace(ROW, variant="b", mean=12.0, sd=3.1, paper=None),
        replace(ROW, variant="c", mean=-1.0, sd=None, paper=None),
        replace(ROW, variant="d", mean=None, sd=None, note="a reason of several words", paper=None, needs="oracle"),
    ]
    latex, _ = written(rows, tmp_path)
    assert cells_in(latex) == [
        ["a", r"0.0123", r"$\pm$ 0.0012"],
        ["b", r"12\phantom{.0000}", r"$\pm$ 3"],
        ["c", r"$-$1\phantom{.0000}", ""],
        [r"d\textsuperscript{a}", r"--\rlap{\textsuperscript{b}}", ""],
    ]
    notes = r"\textsuperscript{a}~needs the oracle; \textsuperscript{b}~a reason of several words."
    assert latex.partition(r"\end{tabular}")[2].count(notes) == 1
    assert r"\begin{tabular}{@{}lr@{ }l@{}}" in latex and r"\multicolumn{2}{c}{FID $\downarrow$}" in latex
    assert r"\label{tab:x}" in latex and "Model, feature: vae, slant.}" in latex


def test_a_column_without_deviations_takes_one_column_in_latex(tmp_path):
    rows = [replace(ROW, mean=number, sd=None, paper=None, variant=str(number)) for number in (1.0, 2.25)]
    latex, _ = written(rows, tmp_path)
    assert r"{@{}lr@{}}" in latex and cells_in(latex) == [["1.0", r"1\phantom{.00}"], ["2.25", "2.25"]]


def test_several_models_and_features_are_blocks_with_titles(tmp_path):
    rows = [
        replace(ROW, model=model, feature=feature) for model in ("vae", "dcgan") for feature in ("slant", "thickness")
    ]
    latex, html = written(rows, tmp_path)
    titles = re.findall(r"\\multicolumn\{3\}\{l\}\{\\emph\{(.*?)\}\}", latex)
    assert titles == ["vae, slant", "vae, thickness", "dcgan, slant", "dcgan, thickness"]
    assert latex.count(r"\midrule") == 4 and [c for c in Cells(html).cells if c in titles] == titles


def test_a_table_by_model_has_two_lines_of_heads(tmp_path):
    rows = [
        replace(ROW, variant=v, feature=f, metric="roc_auc", needs="oracle" if v == "b" else "")
        for v in "ab"
        for f in ("slant", "bold")
    ]
    latex, html = written(rows, tmp_path, replace(SHAPE, rows="models"))
    assert r"& \multicolumn{4}{c}{a} & \multicolumn{4}{c}{b\textsuperscript{a}} \\" in latex
    assert r"\cmidrule(lr){2-5} \cmidrule(lr){6-9}" in latex
    assert ">b<sup>a</sup></th>" in html
    assert Cells(html).cells[1:] == [
        "", "a", "ba", "", "slant ↓", "bold ↓", "slant ↓", "bold ↓", "vae", *["1,234.500 ± 0.012 (1.5)"] * 4,
    ]  # fmt: skip


def columns_of(line):
    """Return how many columns a line of a LaTeX table fills."""
    spans = [int(width) for width in re.findall(r"\\multicolumn\{(\d+)\}", line)]
    return len(re.findall(r"(?<!\\)&", line)) + 1 + sum(spans) - len(spans)


@pytest.mark.parametrize("rows", ["variants", "models"])
@pytest.mark.parametrize("places", [[("vae", "slant")], [("vae", "slant"), ("vae", "a_b"), ("dcgan", "slant")]])
def test_every_line_of_latex_fills_all_columns(rows, places, tmp_path):
    given = [
        replace(ROW, model=m, feature=f, variant=v, metric=metric, **changed)
        for m, f in places
        for v in ("ours", "50 % & more", "reject")
        for metric, changed in {
            "fid[digits]": {},
            "roc_auc": {"sd": None, "paper": None, "mean": None if v == "reject" else 0.5, "note": "none"},
            "ratio": {"sd": None, "low": 0.1, "high": 2, "mean": 0.5},
            "verdict": {"note": "a sentence of many words, or none"},
        }.items()
    ]
    latex, _ = written(given, tmp_path, replace(SHAPE, rows=rows))
    inside = latex.partition(r"\toprule")[2].partition(r"\bottomrule")[0]
    wanted = len(re.sub(r"@?\{.*?\}", "", re.search(r"\\begin\{tabular\}\{(.*)\}", latex)[1]))
    lines = [line for line in inside.splitlines() if line.endswith(r"\\")]
    assert len(lines) > 2 and {columns_of(line) for line in lines} == {wanted}


def test_a_value_that_only_begins_like_an_extractor_s_is_in_the_table_and_names_no_extractor(tmp_path):
    for metric in ("fid_lite", "fidelity", "inception_score_2", "fid"):
        latex, _ = written([replace(ROW, metric=metric)], tmp_path)
        assert "the embeddings of" not in latex
    for metric, kind in (("fid[faces]", "FID"), ("fid_retain_change[faces]", "FID"), ("inception_score[faces]", "IS")):
        latex, _ = written([replace(ROW, metric=metric), replace(ROW, metric="fid_lite")], tmp_path)
        assert f"{kind} uses the embeddings of: faces." in latex
    rows = [replace(ROW, metric=f"{name}[{x}]") for name in ("kid", "fid", "inception_score") for x in ("faces", "own")]
    latex, _ = written(rows, tmp_path)
    assert "IS, FID and KID use the embeddings of: faces, own." in latex and "KID (own)" in latex


# --- which columns are shown --------------------------------------------------------------------------


def test_a_column_without_a_number_stands_in_the_csv_alone(tmp_path):
    table = replace(SHAPE, metrics=("target_ratio", "roc_auc", "fid"))
    why = "no oracle but the judge clicked"
    without = replace(ROW, metric="target_ratio", mean=None, sd=None, paper=None, note=why)
    partly = replace(ROW, metric="roc_auc", variant="probe")
    rows = [without, ROW, replace(partly, variant="ours", mean=None, paper=None, note="none"), partly]
    files = {name: tmp_path / f"table-x{suffix}" for name, suffix in formats.SUFFIX.items()}
    text = formats.as_text(table, rows, [], Options())
    csv, latex, html = (path.read_text() for path in formats.write(table, rows, [], Options(), files))
    assert csv.count("target_ratio") == 1 and why in csv
    for shown, auc in ((latex, "ROC-AUC"), (html, "roc_auc"), (text, "roc_auc")):
        assert auc in shown and "target ratio" not in shown
    for shown in (html, text):
        assert f"Not shown, without any number: target_ratio ({why})." in " ".join(shown.split())
    asked = formats.as_text(replace(table, chosen=True), rows, [], Options())
    assert "target_ratio" in asked and "Not shown" not in asked, "what --metric named is shown"
    nothing = formats.as_text(table, [replace(row, mean=None, paper=None) for row in rows], [], Options())
    assert all(metric in nothing for metric in table.metrics), "a table without any number says why"


def test_latex_has_the_columns_that_fit_a_page_and_names_the_others(tmp_path):
    table = replace(SHAPE, metrics=("target_ratio", "fid", "kid"), narrow=("target_ratio", "fid"))
    rows = [replace(ROW, metric=metric) for metric in ("target_ratio", "fid[digits]", "kid[digits]")]
    latex, html = written(rows, tmp_path, table)
    assert "KID" not in latex and "FID uses the embeddings" in latex and "kid[digits]" in html
    assert "% further columns are in the CSV (kid[digits]); --metric NAME,... chooses" in latex.splitlines()
    latex, _ = written(rows, tmp_path, replace(table, chosen=True))
    assert "KID" in latex and "% further" not in latex


# --- the best in bold, or none ------------------------------------------------------------------------


def compared(*numbers, **changed):
    """Return which of several variants are the best; each has its numbers by seed."""
    rows = []
    for i, values in enumerate(numbers):
        found = replace(ROW, variant=str(i), by_seed=dict(enumerate(values)), mean=sum(values) / len(values), **changed)
        rows.append(found)
    return [row.best for row in with_best(rows, REGISTRY)]


def test_the_best_are_those_that_paired_intervals_cannot_tell_apart():
    first, close, worse = (1.0, 2.0, 3.0), (1.1, 1.9, 3.1), (1.5, 2.6, 3.5)
    assert compared(first, close, worse) == [True, True, False], "1.5 on every seed is told apart, though means overlap"
    assert compared(first, close, worse, higher_is_better=True) == [False, False, True]
    assert compared(first, close) == [False, False], "all of them would be"
    assert compared(first) == [False] and compared((1.0,), (2.0,)) == [False, False], "one seed tells nothing apart"
    assert compared(first, worse, higher_is_better=None) == [False, False]


def test_rows_without_shared_seeds_cannot_be_compared_and_are_not_marked():
    def marked(*by_seed):
        rows = [replace(ROW, variant=str(i), by_seed=found) for i, found in enumerate(by_seed)]
        return [row.best for row in with_best(rows, REGISTRY)]

    first, worse, apart = {0: 1.0, 1: 2.0}, {0: 9.0, 1: 10.1}, {2: 1.1, 3: 2.1}
    assert marked(first, worse, apart) == [True, False, False]
    assert marked(first, apart) == [False, False], "nothing tells them apart, so neither is the best"
    assert marked(first, worse, {1: 2.0, 2: 1.2}) == [True, False, False], "one shared seed has no interval"


def test_references_and_methods_that_need_more_than_clicks_do_not_compete():
    worse, best = (ROW.mean + 1, ROW.mean + 2), (0.0, 0.0)
    rows = [
        replace(ROW, variant="ours", by_seed=dict(enumerate(worse)), mean=2.0),
        replace(ROW, variant="other", by_seed={0: 5000.0, 1: 5001.0}, mean=3.0),
        replace(ROW, variant="reject", method="reject", needs="oracle", by_seed=dict(enumerate(best)), mean=0.0),
        replace(ROW, variant="edit", method="latent_edit", by_seed=dict(enumerate(best)), mean=0.0),
    ]
    assert [row.best for row in with_best(rows, REGISTRY)] == [True, False, False, False]


def test_the_best_is_bold_and_the_caption_says_what_that_means(tmp_path):
    rows = [replace(ROW, variant=str(i), by_seed={0: i + 1.0, 1: i + 2.1}, mean=i + 1.0) for i in range(2)]
    rows = with_best(rows, REGISTRY)
    latex, html = written(rows, tmp_path)
    assert (
        latex.count(r"\textbf{1.000}") == 1 == html.count("<b>1.000</b>")
        and "Bold: of the methods that need clicks alone" in latex
    )
    assert "*: of the methods that need clicks alone" in " ".join(formats.as_text(SHAPE, rows, [], Options()).split())


# --- names of files -----------------------------------------------------------------------------------


def test_no_two_questions_have_the_same_file():
    base = {"suite": "lite", "models": ["all"], "features": ["all"], "seeds": [0, 1, 2, 3, 4]}
    changes = [
        {}, {"suite": "mine"}, {"models": ["vae"]}, {"models": ["vae", "dcgan"]}, {"features": ["slant"]}, {"seeds": [0]},
        {"seeds": [0, 1]}, {"seeds": [0, 2]}, {"more": {"overrides": ["evaluation.count=70"]}},
        {"more": {"overrides": ["evaluation.count=71"]}}, {"more": {"only": ["ours"]}}, {"more": {"metrics": ["ours"]}},
    ]  # fmt: skip
    stems = [file_stem("table-2", **{**base, "usual_seeds": [0, 1, 2, 3, 4], "more": {}, **each}) for each in changes]
    assert len(set(stems)) == len(stems)
    assert stems[:8] == [
        "table-2", "table-2-mine", "table-2-vae", "table-2-vae+dcgan", "table-2-slant", "table-2-s0", "table-2-s0-1", "table-2-s0+2",
    ]  # fmt: skip


# --- intervals ----------------------------------------------------------------------------------------


def test_intervals_stand_below_the_numbers_and_the_caption_says_what_varies(tmp_path):
    level = replace(ROW, low=1230.0, high=1239.0, covers="samples")
    change = replace(ROW, metric="fid_change[digits]", mean=-0.5, low=-0.6, high=-0.4, covers="pairs", paper=None)
    latex, html = written([level, change, replace(level, variant="other")], tmp_path)
    below = r" & \multicolumn{2}{c}{\scriptsize [1,230.000, 1,239.000]} & \multicolumn{2}{c}{\scriptsize [$-$0.600, $-$0.400]} \\"
    assert below in latex.splitlines() and latex.count(r"\scriptsize [1,230") == 2
    assert "<br><small>[1,230.000, 1,239.000]</small>" in html
    said = "In brackets: 95 % intervals, over samples (fid_change[digits]: pairs)."
    assert said in html and said.replace("%", r"\%").replace("_", r"\_") in latex
    text = formats.as_text(SHAPE, [level, change], [], Options())
    assert "[1,230" not in text and "In brackets" not in text, "a terminal has no room"


def test_a_number_without_an_interval_has_no_brackets(tmp_path):
    latex, html = written([ROW, replace(ROW, variant="same", low=2.0, high=2.0)], tmp_path)
    assert "scriptsize" not in latex and "small" not in html and "In brackets" not in html


@pytest.mark.parametrize(
    ("values", "found"),
    [([1.0, 2.0, 3.0], None), ([1.0] * 5, None), ([1.0, 2.0, 3.0, 4.0], (0.446, 4.554)), ([], None)],
)
def test_an_interval_over_seeds_takes_four_that_differ(values, found):
    assert over_seeds(values) == (found if found is None else pytest.approx(found, abs=1e-3))
