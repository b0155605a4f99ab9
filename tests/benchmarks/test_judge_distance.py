"""The level from which a warning says that a judge is far from home, on what was measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.report.doubts import FAR, LEAST_KAPPA

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


@pytest.mark.parametrize("images", ["digits", "faces"])
def test_whatever_a_judge_errs_on_is_beyond_the_level_and_real_pictures_are_well_below(images):
    rows = pd.read_csv(REFERENCE / f"judge-distance-{images}.csv")
    errs = rows[rows[["kappa_1", "kappa_2"]].min(axis=1) < LEAST_KAPPA]
    assert len(errs) >= 3 and (errs["far"] >= FAR).all()
    assert rows["alteration"][0] == "as they are" and rows["far"][0] < 0.1
    assert list(rows.loc[rows["far"] < FAR, "alteration"])[:2] == list(rows["alteration"][:2]), (
        "the least change is not"
    )
