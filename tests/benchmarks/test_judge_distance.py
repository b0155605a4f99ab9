"""The level from which a warning says that a judge is far from home, on what was measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from judge_distance_generators import thick

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


def test_the_vaes_samples_are_beyond_the_level_and_the_readers_agree_on_them_as_on_test_digits():
    rows = pd.read_csv(REFERENCE / "judge-distance-generators.csv").set_index("images")
    assert rows.far_low["vae"] > 2 * FAR and rows.far_high["test digits"] < FAR, "judge-distance.md says so"
    assert rows.far_low["dcgan"] < FAR < rows.far_high["dcgan"]
    assert rows.kappa_low["vae"] < rows.kappa["test digits"] < rows.kappa_high["vae"]


def test_two_readers_call_the_thickest_tenth_thick():
    strokes = torch.zeros(20, 1, 28, 28, dtype=torch.uint8)
    for i in range(20):
        strokes[i, :, 6:22, 10 : 12 + i // 3] = 255
    first, second = thick(strokes)
    assert first.tolist() == second.tolist() == [False] * 18 + [True] * 2
