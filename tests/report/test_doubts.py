"""What is said of a cell whose generator collapsed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.report.doubts import collapse_of


def cell(**values):
    named = {f"{name}[digits]": value for name, value in values.items()}
    return SimpleNamespace(metrics=named, value=named.get)


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


def test_without_an_extractor_nothing_is_said():
    assert collapse_of(cell(target_ratio=0.0)) is None and collapse_of(cell(inception_score=1.0)) is None
