"""The page of claims: verdicts follow the numbers, and every table of the paper is there."""

from __future__ import annotations

import math
from pathlib import Path

import claim_lines
import claim_numbers
import generate
import pandas as pd
import pytest
import reference_claims
import reference_numbers
import reference_tables
import reference_trends
from claim_lines import HOLDS, NOT, OTHER, UNCLEAR
from claim_numbers import Number
from docs_pages import DOCS
from scipy import stats


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what sets numbers in a copy of results/reference, which the generator then reads."""
    for path in reference_numbers.REFERENCE.rglob("*.csv"):
        copy = tmp_path / path.relative_to(reference_numbers.REFERENCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(reference_numbers, "REFERENCE", tmp_path)

    def change(file: str, feature: str, variant: str, metric: str, **values: float) -> None:
        rows = pd.read_csv(tmp_path / f"{file}.csv")
        place = (rows.feature == feature) & (rows.variant == variant) & (rows.metric == metric)
        assert place.sum() == 1
        for name, value in values.items():
            rows.loc[place, name] = value
        rows.to_csv(tmp_path / f"{file}.csv", index=False)
        reference_numbers.frame.cache_clear()

    reference_numbers.frame.cache_clear()
    yield change
    reference_numbers.frame.cache_clear()


def verdict(name: str, where: str) -> str:
    """Return the verdict of one comparison."""
    (found,) = [line.verdict for line in reference_claims.CLAIMS[name].lines() if line.where == where]
    return found


@pytest.mark.parametrize(
    ("name", "where", "place", "good", "bad"),
    [
        ("table-2-removal", "vae, thickness", ("vae/table-2", "thickness", "ours", "target_ratio"), 0.004, 0.02),
        ("table-3", "dcgan, thickness", ("dcgan/table-2", "thickness", "ours", "roc_auc"), 0.86, 0.8),
        ("table-5", "vae, thickness", ("vae/table-5", "thickness", "alpha = 5", "target_ratio"), 0.00005, 0.004),
        ("figure-6b", "proggan", ("proggan/table-2", "beard", "ours, plain rule", "attribute_shift"), 0.04, 0.001),
        ("table-1", "MNIST, slant, with it", ("table-1", "slant", "training set", "target_images"), 6000, 6001),
    ],
)
def test_a_verdict_follows_the_number(changed, name, where, place, good, bad):
    changed(*place, mean=good, sd=1e-4)
    assert verdict(name, where) == HOLDS
    changed(*place, mean=bad, sd=1e-4)
    assert verdict(name, where) == NOT


@pytest.mark.parametrize(
    ("name", "where", "file", "metric", "variant"),
    [
        ("table-2-baseline", "vae, slant", "vae/table-2", "target_ratio", "ours"),
        ("figure-6a", "vdvae, bang", "vdvae/table-2", "attribute_shift", "ours, plain rule"),
    ],
)
def test_what_is_compared_with_retraining_waits_for_it(changed, name, where, file, metric, variant):
    feature = where.partition(", ")[2]
    changed(file, feature, "retrain", metric, mean=math.nan)
    assert verdict(name, where) == OTHER
    changed(file, feature, "retrain", metric, mean=0.02, sd=1e-4, seeds=3, n=10_000)
    for mean, said in ((0.015, HOLDS), (0.045, NOT)):
        changed(file, feature, variant, metric, mean=mean, sd=1e-4)
        assert verdict(name, where) == said
    changed(file, feature, variant, metric, mean=0.02, sd=0.02)  # the intervals are on both sides of the limit
    assert verdict(name, where) == UNCLEAR


@pytest.mark.parametrize(
    ("name", "where", "place", "mean"),
    [
        ("table-2-baseline", "vae, slant", ("vae/table-2", "slant", "retrain", "target_ratio"), 0.9),
        ("figure-6a", "vdvae, bang", ("vdvae/table-2", "bang", "retrain", "attribute_shift"), 0.9),
        ("table-2-removal", "vae, thickness", ("vae/table-2", "thickness", "ours", "target_ratio"), 0.9),
        ("table-3", "dcgan, thickness", ("dcgan/table-2", "thickness", "ours", "roc_auc"), 0.1),
        ("table-4-perception", "vae, thickness: target ratio", ("vae/table-4", "thickness", claim_lines.ALL, "target_ratio"), 0.9),
        ("table-5", "vae, thickness", ("vae/table-5", "thickness", "alpha = 5", "target_ratio"), 0.9),
        ("figure-6b", "proggan", ("proggan/table-2", "beard", "ours, plain rule", "attribute_shift"), 0.9),
        ("cost", "vae, slant", ("vae/table-cost", "slant", "pre-training", "seconds"), 9e6),
    ],
)  # fmt: skip
def test_a_single_training_is_not_judged_on_either_side(changed, name, where, place, mean):
    changed(*place, mean=mean, sd=1e-4, seeds=3, n=10_000)
    assert verdict(name, where) in (HOLDS, NOT), "however far it is"
    changed(*place, sd=math.nan, seeds=1)
    assert verdict(name, where) == UNCLEAR


def test_the_share_of_the_time_is_judged_by_both_intervals(changed):
    changed("vae/table-cost", "slant", "pre-training", "seconds", mean=690.0, sd=5.0, seeds=3)
    for mean, said in ((20.0, HOLDS), (30.0, NOT), (23.0, UNCLEAR)):
        changed("vae/table-cost", "slant", "ours", "seconds", mean=mean, sd=0.1)
        assert verdict("cost", "vae, slant") == said


def test_alpha_is_judged_by_both_intervals(changed):
    changed("vae/table-5", "thickness", "alpha = 1", "target_ratio", mean=0.05, sd=0.001, seeds=5)
    for mean, sd, said in ((0.001, 1e-4, HOLDS), (0.02, 1e-4, NOT), (0.004, 0.004, UNCLEAR), (0.0, 0.0, HOLDS)):
        changed("vae/table-5", "thickness", "alpha = 5", "target_ratio", mean=mean, sd=sd, seeds=5)
        assert verdict("table-5", "vae, thickness") == said


def test_a_change_of_the_loss_holds_only_where_it_is_told_apart(changed):
    where = "vae, thickness: target ratio"
    without, with_it = claim_lines.WITHOUT, claim_lines.ALL
    for variant, mean in ((without, 0.003), (with_it, 0.006)):
        changed("vae/table-4", "thickness", variant, "target_ratio", mean=mean, sd=1e-4)
    assert verdict("table-4-perception", where) == HOLDS
    changed("vae/table-4", "thickness", with_it, "target_ratio", mean=0.001)
    assert verdict("table-4-perception", where) == NOT
    changed("vae/table-4", "thickness", with_it, "target_ratio", mean=0.006, sd=0.1)
    assert verdict("table-4-perception", where) == UNCLEAR


def test_synthetic_faces_are_not_compared_with_the_papers_numbers():
    for name in ("table-2-removal", "table-3"):
        lines = list(reference_claims.CLAIMS[name].lines())
        faces = [line for line in lines if line.where.startswith(("proggan", "vdvae")) and "CelebA" not in line.where]
        assert len(faces) == 4 and {line.verdict for line in faces} == {OTHER}


def test_photographs_are_compared_once_there_is_more_than_one_training(changed):
    plain = ("celeba/proggan/table-2", "bang", "ours")  # its default is the plain rule
    for mean, sd, seeds, said in ((0.001, 1e-4, 3, HOLDS), (0.1, 1e-4, 3, NOT), (0.001, math.nan, 1, UNCLEAR)):
        changed(*plain, "target_ratio", mean=mean, sd=sd, seeds=seeds)
        assert verdict("table-2-removal", "proggan, CelebA, bang") == said


def test_an_interval_over_seeds_is_students_and_that_of_one_seed_is_over_samples(changed):
    five, one = Number("vae/table-2", "thickness", "ours", "target_ratio"), None
    found = reference_numbers.row("vae/table-2", "thickness", "ours", "target_ratio")
    low, high = stats.t.interval(0.95, 4, found["mean"], found["sd"] / math.sqrt(5))
    assert five.ends == pytest.approx((low, high))
    one = Number("proggan/table-4", "bang", "unlearn", "target_ratio")
    left = round(10_000 * reference_numbers.row("proggan/table-4", "bang", "unlearn", "target_ratio")["mean"])
    found = stats.binomtest(left, 10_000).proportion_ci(method="wilson")
    assert one.ends == pytest.approx((found.low, found.high))
    blind = Number("proggan/table-4", "bang", "unlearn", "fid[faces]")
    assert blind.ends is None and not blind.apart_from(blind) and blind.text == blind.plain


def test_every_claim_has_its_section_and_every_section_its_claim():
    text = (DOCS / "results" / "claims.md").read_text(encoding="utf-8")
    for name in reference_claims.CLAIMS:
        assert f"{{ #{name} }}" in text and f"generated: claims {name} -->" in text
    assert text.count("{ #") == len(reference_claims.CLAIMS)
    assert {name.partition("-")[2][0] for name in reference_claims.CLAIMS if name.startswith("table-")} == set("12345")


def test_every_number_of_the_paper_that_a_claim_reads_is_there():
    assert claim_numbers.published("5", "proggan", "bang", "ours", "target_ratio", "alpha=1") == 0.0536
    with pytest.raises(ValueError, match="has 0 rows of 5, vae"):
        claim_numbers.published("5", "vae", "bang", "ours", "target_ratio", "alpha=1")


def test_what_was_tried_is_paired_by_seed(monkeypatch):
    rows = pd.DataFrame(
        {
            "seed": seed, "terms": terms, "alpha": alpha, "l1": l1, "threshold": threshold, "epochs": epochs,
            "metric": "target_ratio", "count": 2000, "data": "MNIST (real)", "source": "oracle morpho_mnist",
            "value": 0.01 * (seed + 1) + (0.002 if terms == reference_trends.WITHOUT else 0) + 0.001 * alpha * (epochs > 0),
        }
        for seed in range(3) for terms in (reference_trends.ALL, reference_trends.WITHOUT, reference_trends.ALONE)
        for alpha in (1.0, 3.0, 5.0) for l1 in ("mean", "sum") for threshold in ("mean", "midpoint") for epochs in (0, 20)
    )  # fmt: skip
    monkeypatch.setattr(reference_trends, "frame", lambda file: rows)
    assert "(-0.0020 ± 0.0000)" in reference_trends.trends("terms"), (
        "seeds differ by more, their differences by nothing"
    )
    assert "0.0210 → 0.0250 (0.8)" in reference_trends.trends("alpha")
    assert "| 20 epochs |" in reference_trends.trends("alpha") and "0 epochs |" not in reference_trends.trends(
        "alpha"
    ).replace("20 epochs", "")


def test_bold_is_what_a_file_marks_as_best_and_the_caption_says_so(monkeypatch):
    rows = reference_numbers.frame("vae/table-2").assign(best=False)
    monkeypatch.setattr(reference_tables, "frame", lambda file: rows)
    assert "**" not in generate.made("table vae/table-2 feature=slant metrics=target_ratio")
    rows["best"] = (rows.variant == "ours") & (rows.metric == "target_ratio")
    text = generate.made("table vae/table-2 feature=slant metrics=target_ratio")
    assert text.count("**") == 2 and "bold: of the methods that need clicks alone" in text


def test_the_page_of_people_counts_what_differs():
    rows = reference_numbers.frame("celeba-attributes")
    assert (rows.kind == "rate").sum() == 35 and (rows.kind == "correlation").sum() == 35 * 34 / 2
    page = (DOCS / "results" / "synthfaces.md").read_text(encoding="utf-8")
    sideburns = rows[(rows.kind == "share") & (rows.attribute == "No_Beard") & (rows.other == "Sideburns")].iloc[0]
    assert f"| Sideburns | No_Beard | {sideburns.celeba:.3f} | {sideburns.synthfaces:.3f} |" in page
    assert sideburns.celeba < 0.05 < 0.75 < sideburns.synthfaces
