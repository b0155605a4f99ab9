"""Which readings agree with the paper's numbers: known answers, and the part of the table that says so."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from html_cells import Cells

from bench.registry import Registry
from bench.report.tables.agreement import agreement_of, agreement_rows
from bench.report.tables.definitions import TABLES, Options
from bench.report.tables.formats import files as formats
from bench.report.tables.published import read_published
from bench.report.tables.row import Row

N = 10_000
PAPER = {("vae", "thickness"): 0.0097, ("vae", "slant"): 0.0091, ("proggan", "beard"): 0.0101}
ROW = Row(
    "readings", "vae", "thickness", "mean / unit / 1 / mean", "ours", metric="target_ratio", n=N, data="D",
    higher_is_better=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("ratios", "words"),
    [
        ([0.008, 0.009, 0.010, 0.011, 0.012], "yes"),
        ([0.006, 0.007, 0.008, 0.009, 0.006], "one run"),
        ([0.020, 0.021, 0.022, 0.023, 0.024], "no"),
        ([0.0, 0.0, 0.0, 0.0], "no"),
        ([0.0097] * 4, "yes"),
        ([0.009, 0.010, 0.0097], "too few seeds"),
    ],
)
def test_a_reading_agrees_where_the_paper_s_number_lies_in_its_interval(ratios, words):
    assert agreement_of(ratios, N, 0.0097).words == words


def test_the_interval_is_student_s_of_the_log_odds():
    ratios = [0.004, 0.008, 0.016, 0.008]
    logs = [math.log((r * N + 0.5) / (N - r * N + 0.5)) for r in ratios]
    half = 3.182446 * float(np.std(logs, ddof=1)) / 2
    ends = [1 / (1 + math.exp(-(float(np.mean(logs)) + sign * half))) for sign in (-1, 1)]
    found = agreement_of(ratios, N, 0.5)
    assert (found.low, found.high) == pytest.approx([((N + 1) * end - 0.5) / N for end in ends], rel=1e-6)


def test_a_further_run_is_one_run_as_often_as_it_says():
    """Simulated: the paper's number is one more run of the same reading."""
    rng, words = np.random.default_rng(0), []
    for _ in range(2000):
        shares = 1 / (1 + np.exp(-rng.normal(-4.5, 0.5, 6)))
        words.append(agreement_of(list(shares[:5]), 10**9, shares[5]).words)
    assert np.mean([each != "no" for each in words]) == pytest.approx(0.95, abs=0.015)
    assert np.mean([each == "yes" for each in words]) < 0.8, "the interval of a mean is narrower"


def entry(model, feature, dataset):
    settings = SimpleNamespace(dataset=dataset)
    planned = SimpleNamespace(cell=SimpleNamespace(settings=settings))
    return SimpleNamespace(place=(model, feature), done=SimpleNamespace(planned=planned))


@pytest.fixture(scope="module")
def made():
    """Two readings of three cells: the first agrees with the paper twice, the second by one run in one of them."""
    ratios = {
        "mean / unit / 1 / mean": {
            ("vae", "thickness"): 0.0097,
            ("vae", "slant"): 0.0091,
            ("proggan", "beard"): 0.0101,
        },
        "midpoint / raw / 1 / mean": {
            ("vae", "thickness"): 0.0067,
            ("vae", "slant"): 0.5,
            ("proggan", "beard"): 0.0101,
        },
    }
    rows = [
        replace(ROW, variant=variant, model=model, feature=feature, mean=ratio,
                by_seed={seed: ratio * by for seed, by in enumerate((0.8, 1.0, 1.2, 1.0, 1.0))})
        for variant, of_places in ratios.items() for (model, feature), ratio in of_places.items()
    ]  # fmt: skip
    entries = [entry(*place, "mnist" if place[0] == "vae" else "synthfaces") for place in PAPER]
    return rows, agreement_rows(rows, entries, read_published(Registry()))


def test_every_cell_of_the_paper_is_compared_and_the_cells_that_agree_are_counted(made):
    _, found = made
    said = {(r.variant[:3], r.model, r.feature): (r.note, r.mean, r.paper) for r in found if r.metric == "agrees"}
    assert said == {
        ("mea", "vae", "thickness"): ("yes", 1, 0.0097),
        ("mea", "vae", "slant"): ("yes", 1, 0.0091),
        ("mid", "vae", "thickness"): ("one run", 0, 0.0097),
        ("mid", "vae", "slant"): ("no", 0, 0.0091),
    }, "not proggan: synthetic faces are not the paper's data"
    counts = {(r.variant[:3], r.at): (r.mean, r.n) for r in found if r.metric == "agreeing"}
    assert counts == {
        ("mea", "interval of the mean"): (2, 2), ("mea", "one run"): (2, 2),
        ("mid", "interval of the mean"): (0, 2), ("mid", "one run"): (1, 2),
    }  # fmt: skip


def test_the_agreement_is_the_last_part_of_every_format(made, tmp_path):
    rows, found = made
    files = {name: tmp_path / f"table-readings{suffix}" for name, suffix in formats.SUFFIX.items()}
    formats.write(TABLES["readings"], [*rows, *found], [], Options(), files)
    latex, html = files["latex"].read_text(), files["html"].read_text()
    cells = Cells(html).cells
    last = cells[
        cells.index(
            "midpoint / raw / 1 / mean", cells.index("Agreement with the paper's target ratio (in parentheses)")
        ) :
    ]
    thick, slant = (
        [f"{row.low:.4f}", f"{row.high:.4f}"] for row in found if row.variant[:3] + row.metric == "midagrees"
    )
    ends = [f"one run [{', '.join(thick)}]", f"no [{', '.join(slant)}]"]
    assert last[:5] == ["midpoint / raw / 1 / mean", *ends, "0 of 2", "1 of 2"] and last[5:] == []
    assert rf"midpoint / raw / 1 / mean & {' & '.join(ends)} & 0 & of 2 & 1 & of 2 \\" in latex
    assert "lllr@{ }lr@{ }l@" in latex, "words of a cell need no paragraph here"
    text = formats.as_text(TABLES["readings"], [*rows, *found], [], Options())
    for every in (latex, html, text):
        words = " ".join(every.split())
        assert "vae, thickness (0.0097)" in words and "some agree by chance" in words
        assert words.count("Agreement with the paper") == 2, "the title, and the caption that explains it"
    assert files["csv"].read_text().count(",agrees,") == 4 and files["csv"].read_text().count(",agreeing,") == 4


def test_on_other_data_there_is_nothing_to_agree_with(made):
    rows, _ = made
    other = [entry(*place, "synthfaces") for place in PAPER]
    assert agreement_rows(rows, other, read_published(Registry())) == []


def test_readings_that_move_along_the_unit_vector_are_called_ours():
    variants = TABLES["readings"].variants
    assert len(variants) == 16 and len({str(sorted(v.params.items())) for v in variants}) == 16
    for variant in variants:
        assert (variant.params["step"] == "unit") == variant.about.startswith("our reading of the paper")
