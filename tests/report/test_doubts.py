"""What is said of a cell whose generator collapsed, or whose samples are far from what its judge learnt from."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.report.doubts import FAR, caption_of, collapse_of, distance_of, warning_of, warnings_of


def cell(**values):
    named = {f"{name}[digits]": value for name, value in values.items()}
    return SimpleNamespace(metrics=named, value=named.get, model="vae", feature="slant", method="retrain")


def test_a_collapse_is_told_with_the_numbers_before_and_after():
    said = collapse_of(cell(inception_score=1.02, inception_score_change=-5.41, fid=128.4, fid_change=118.6))
    assert "inception_score[digits] 6.43 -> 1.02, fid[digits] 9.8 -> 128.4" in said


@pytest.mark.parametrize(
    ("after", "told"),
    [(6.4, False), (3.51, False), (3.49, True), (1.0, True)],  # half of what 6 exceeds 1 by is 2.5
)
def test_the_bar_is_half_of_what_the_original_exceeds_one_by(after, told):
    found = cell(inception_score=after, inception_score_change=after - 6.0)
    assert (collapse_of(found) is not None) == told


def test_a_table_names_the_generators_that_collapsed():
    one = cell(inception_score=1.0, inception_score_change=-5.0)
    (caption,) = caption_of([one, one, cell(inception_score=6.0, inception_score_change=0.0)])
    assert "the generator collapsed (vae slant, retrain)" in caption


def test_without_an_extractor_nothing_is_said():
    assert collapse_of(cell(target_ratio=0.0)) is None and collapse_of(cell(inception_score=1.0)) is None


@pytest.mark.parametrize(("before", "after", "told"), [(0.05, 0.149, ""), (0.4, 0.1, "40 %"), (0.04, 0.15, "15 %")])
def test_samples_far_from_what_the_judge_learnt_from_are_told_before_or_after(before, after, told):
    found = cell(original_oracle_far=before, oracle_far=after)
    said = distance_of(found)
    if not told:
        assert said is None and warnings_of(found) == caption_of([found]) == []
        return
    assert f"warning: {after:.0%} of the samples and {before:.0%} of the original's samples are farther" in said
    assert told.replace(" ", "") in said and "extractor digits" in said
    assert warnings_of(found) == [said] and max(before, after) >= FAR
    (caption,) = caption_of([found, cell(oracle_far=0.05, original_oracle_far=0.05)])
    assert f"vae {max(before, after):.2f}" in caption and str(FAR) in caption


def test_a_kappa_below_the_bar_is_not_told_as_the_bar():
    found = SimpleNamespace(metrics={}, value={"oracle_kappa": 0.797, "oracle_disagreement": 0.046}.get)
    found.model, found.feature = "proggan", "bang"
    assert "kappa 0.79, below 0.8" in warning_of(found) and "proggan bang 0.79)" in caption_of([found])[0]
