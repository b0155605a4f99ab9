"""Numbers in README and docs are those of results/reference, and none stands there typed by hand."""

from __future__ import annotations

import re
from pathlib import Path

import generate
import pandas as pd
import pytest
import reference_numbers
import reference_tables
from docs_pages import CONTRIBUTING, DOCS, FENCED, README, named

PAGES = [page for page in generate.pages() if generate.MARKED.search(page.read_text(encoding="utf-8"))]
RESULTS = [README, CONTRIBUTING, *sorted((DOCS / "results").glob("*.md"))]

# Versions, identifiers, settings that a reader types: decimals that are no results.
NOT_RESULTS = re.compile(
    r"2303\.05699|2506\.04712|Python 3\.\d+|torch (>=)?2\.\d+(\.\d+)?|in under 0\.\d s|0\.\d+,<0\.\d+"
)


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of results/reference that the generator reads instead."""
    for path in reference_numbers.REFERENCE.rglob("*.csv"):
        copy = tmp_path / path.relative_to(reference_numbers.REFERENCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(reference_numbers, "REFERENCE", tmp_path)
    reference_numbers.frame.cache_clear()
    yield tmp_path
    reference_numbers.frame.cache_clear()


def test_the_pages_with_numbers_are_found() -> None:
    assert {named(page) for page in PAGES} >= {"README.md", "docs/results/mnist.md", "docs/results/faces.md"}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_numbers_are_those_of_the_reference_results(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for found in generate.MARKED.finditer(text):
        assert found["text"].strip() == generate.made(found["what"]), f"{found['what']}: run python docs/generate.py"
    assert generate.rewritten(text) == text


@pytest.mark.parametrize("page", RESULTS, ids=named)
def test_no_result_is_typed_by_hand(page: Path) -> None:
    text = FENCED.sub("", generate.MARKED.sub("", page.read_text(encoding="utf-8")))
    text = re.sub(r"^    .*$", "", text, flags=re.MULTILINE)  # commands and what they print
    text = re.sub(r"`[^`]*`", "", NOT_RESULTS.sub("", text))  # what a reader types
    assert re.findall(r".{0,30}\d+\.\d+.{0,30}|.{0,30}\d %.{0,30}", text) == []


@pytest.mark.parametrize(
    ("file", "page"),
    [
        ("vae/table-2", DOCS / "results" / "mnist.md"),
        ("dcgan/table-2", DOCS / "results" / "mnist.md"),
        ("vae/methods", README),
        ("dcgan/methods", README),
        ("proggan/table-2", README),
        ("vdvae/table-2", README),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_changed_result_shows_as_drift(changed: Path, file: str, page: Path) -> None:
    path = changed / f"{file}.csv"
    rows = pd.read_csv(path)
    rows.loc[rows.variant.isin(["ours", "ours, plain rule"]) & (rows.metric == "target_ratio"), "mean"] += 0.001
    rows.to_csv(path, index=False)
    text = page.read_text(encoding="utf-8")
    assert generate.rewritten(text) != text


def test_every_table_names_its_data_its_judge_and_what_varied() -> None:
    for page in PAGES:
        for found in generate.MARKED.finditer(page.read_text(encoding="utf-8")):
            if found["what"].startswith(("table", "summary", "sizes")) and "table-1" not in found["what"]:
                caption = found["text"].strip().splitlines()[-1]
                known = r"MNIST \(real\)|synthfaces \(synthetic\)|CelebA, [\d,]+ photographs|AMD EPYC"
                assert re.search(known, caption), found["what"]
                assert re.search(r"standard deviation|one seed", caption), found["what"]


def test_the_summary_shows_the_gentlest_that_needs_clicks_alone_and_leaves_no_more_than_ours() -> None:
    means = {
        "ours": (0.01, 0.02),
        "probe": (0.009, 0.018),
        "fold": (0.02, 0.001),
        "reject": (0.0, 0.0),
        "uno": (0.001, 0.01),
    }
    rows = pd.DataFrame(
        {"variant": name, "needs": "encoder" if name == "uno" else None, "metric": metric, "mean": mean}
        for name, numbers in means.items()
        for metric, mean in zip(("target_ratio", "retain_change"), numbers, strict=True)
    )
    assert reference_tables._gentlest(rows) == "probe"
    assert reference_tables._gentlest(rows[rows.variant.isin(["ours", "fold", "reject"])]) == ""
    stored = reference_numbers.frame("dcgan/methods")
    stored = stored[(stored.feature == "thickness") & stored["mean"].notna()]
    assert f"|  | {reference_tables._gentlest(stored)} | " in generate.made("summary")


def test_the_decision_on_the_learnt_judge_counts_what_is_stored() -> None:
    text = (DOCS / "design" / "decisions" / "0030-a-judge-learnt-from-clicks.md").read_text(encoding="utf-8")
    rows = reference_numbers.frame("learnt-judge")
    wrong = rows.resolution * rows.shown / (rows.shown - rows.clicked)  # of those without the feature, called positive
    words = "none one two three four five six seven eight nine ten eleven twelve".split()
    stated = f"below zero in {words[(rows.learnt_after < wrong).sum()]} of {words[len(rows)]} rows"
    assert stated in " ".join(text.split())


@pytest.mark.parametrize(
    ("what", "problem"),
    [
        ("value vae/table-2 thickness nobody target_ratio", "no number for thickness, nobody"),
        ("value vae/table-9 thickness ours target_ratio", "vae/table-9: lacks"),
        ("paper vae/table-2 thickness ours retain_change", "the paper reports no"),
        ("table vae/table-2 feature=beard", "has no feature 'beard'"),
        ("table vae/table-2 metrics=fid[faces]", "no number of the metric"),
        ("chart vae/table-2", "nothing generates this"),
        ("part vae/table-2 slant original retain_change", "leaves no part of the original's retain_change"),
        ("covered fid_counterfactual[digits] n=10000", "has 0 rows of fid_counterfactual[digits] at n = 10000"),
        ("strange gan far", "has 0 rows of gan"),
        ("altered digits upside-down far", "has 0 rows of upside-down"),
    ],
)
def test_a_mark_that_asks_for_what_is_not_there_is_an_error(what: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        generate.made(what)


@pytest.mark.parametrize(
    ("metric", "mean", "deviation", "written"),
    [
        ("target_ratio", 0.0043, 0.0024, "0.0043 ± 0.0024"),
        ("target_ratio", 0.00002, 0.00004, "0.00002 ± 0.00004"),
        ("fid[digits]", 7.4145, 0.0, "7.41"),
        ("roc_auc", 0.9825, 0.0003, "0.9825 ± 0.0003"),
        ("retain_change", 0.0, 0.0, "0"),
        ("target_ratio", 0.0031, float("nan"), "0.0031"),
        ("seconds", 13934.2, float("nan"), "13,934"),
    ],
)
def test_numbers_have_the_digits_that_mean_something(metric: str, mean: float, deviation: float, written: str) -> None:
    assert reference_numbers.spread(metric, mean, deviation).replace("\u00a0", " ") == written


def test_a_part_of_the_original_is_a_fraction_of_the_same_judge(changed: Path) -> None:
    path = changed / "vae" / "table-2.csv"
    rows = pd.read_csv(path)
    place = (rows.feature == "slant") & (rows.metric == "target_ratio")
    rows.loc[place & (rows.variant == "original"), "mean"] = 0.09
    for left, written in ((0.006, "1/15"), (0.02, "1/4.5"), (0.0001, "1/900"), (0.00904, "1/10")):
        rows.loc[place & (rows.variant == "ours"), "mean"] = left
        rows.to_csv(path, index=False)
        reference_numbers.frame.cache_clear()
        assert generate.made("part vae/table-2 slant ours target_ratio") == written


def test_what_readers_see_is_given_in_percent_with_its_interval_of_the_widest_blur(changed: Path) -> None:
    head = {"model": "vae", "feature": "slant", "method": "ours", "shown": 500, "n": 1000}
    numbers = [
        ("judge", 0.015, 0.01, 0.12),
        ("judge, blurred 0.5 px", 1.0, 0.9, 1.1),
        ("judge, blurred 1 px", 0.0, 0.0, 0.004),
    ]
    rows = [head | {"seed": seed, "reader": reader, "ratio": ratio + 0.01 * seed * (ratio == 0.015), "low": low, "high": high}
            for seed in (0, 1) for reader, ratio, low, high in numbers]  # fmt: skip
    pd.DataFrame(rows).to_csv(changed / "fools-or-removes.csv", index=False)
    lines = generate.made("fools").splitlines()
    assert lines[2] == "| vae, slant, ours |  |  |  |  |  | 2.0 [1.0, 12] | 0 [0, 0.4] |  | 2 |"
    assert "1 px on MNIST" in lines[-1] and "faces" not in lines[-1].split("widest")[1]


def test_a_table_of_ratios_has_a_row_for_each_method_at_an_operating_point(changed: Path) -> None:
    head = {"table": "damage", "model": "vae", "feature": "slant", "seeds": 10, "n": 10_000, "needs": "",
            "higher_is_better": False, "data": "MNIST (real)", "source": "MNIST (real); oracle morpho_mnist"}  # fmt: skip
    numbers = [
        ("first", "ours", "ratio", {"mean": 1.0}), ("first", "ours", "verdict", {"note": "compared with"}),
        ("first", "probe", "ratio", {"mean": 0.61, "low": 0.4, "high": 14.3}),
        ("first", "probe", "read_elsewhere", {"mean": 3, "higher_is_better": None}), ("first", "probe", "verdict", {"note": "not distinguishable"}),
        ("half", "probe", "ratio", {"mean": 0.5, "note": "at most this, since it ends"}), ("first", "broken", "verdict", {"note": "failed"}),
    ]  # fmt: skip
    rows = [head | {"at": at, "variant": variant, "metric": metric} | more for at, variant, metric, more in numbers]
    pd.DataFrame(rows).to_csv(changed / "vae" / "table-damage.csv", index=False)
    lines = generate.made("table vae/table-damage feature=slant at=first").splitlines()
    assert lines[:5] == [
        "|  | ratio ↓ | verdict | read elsewhere |",
        "|-|-|-|-|",
        "| ours | ×1.0 | compared with |  |",
        "| probe | ×0.61 [0.40, 14] | not distinguishable | 3 of 10 |",
        "| broken |  | failed |  |",
    ]
    assert "| probe | at most ×0.50 |" in generate.made("table vae/table-damage feature=slant at=half")
    with pytest.raises(ValueError, match="has nothing at 'twice'"):
        generate.made("table vae/table-damage at=twice")
