"""The spread over seeds, on numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from seed_spread import spread_of, spreads, variants


def cells(ratios, **given):
    """Return a row per seed, as ``bench.results`` does."""
    same = {"model": "vae", "feature": "slant", "variant": "", "n": 5000, "retain_change": 0.01, **given}
    return pd.DataFrame([{**same, "seed": seed, "target_ratio": ratio} for seed, ratio in enumerate(ratios)])


def test_the_spread_is_the_deviation_over_the_mean_and_lies_in_its_interval():
    values = np.random.default_rng(1).normal(1, 0.3, 40)
    spread, low, high = spread_of(values)
    assert spread == pytest.approx(values.std(ddof=1) / values.mean())
    assert low < spread < high and 0.15 < low and high < 0.45
    few = spread_of(values[:8])
    assert few[2] - few[1] > high - low, "few seeds know less"
    assert spread_of(10 * values)[0] == pytest.approx(spread)


def test_where_nothing_is_left_there_is_no_spread():
    assert np.isnan(spread_of(np.zeros(5))).all()
    row = spreads(cells([0.0, 0.0])).iloc[0]
    assert np.isnan(row["spread"]) and np.isnan(row["counting"]) and row["target_ratio"] == 0


def test_equal_seeds_spread_by_counting_alone():
    """Shares of 5,000 samples that all come from one probability."""
    drawn = np.random.default_rng(2).binomial(5000, 0.002, 400) / 5000
    row = spreads(cells(drawn)).iloc[0]
    assert row["counting"] == pytest.approx(10**-0.5, rel=0.05), "ten samples are left in the mean"
    assert row["spread"] == pytest.approx(row["counting"], rel=0.15)
    assert row["worst"] == drawn.max() and row["seeds"] == 400


def test_a_variant_is_named_by_what_differs_and_is_not_the_default():
    rows = pd.DataFrame(
        {
            "model": ["vae", "vae", "vae", "dcgan"],
            "params.lr": [1e-3, 1e-3, 1e-3, 5e-4],  # the model's own
            "params.members": [3, 5, 3, 3],
            "params.stop_share": [None, 0.0, 0.02, None],  # cells from before the option was there
            "params.channels": [(16, 32)] * 4,
        }
    )
    defaults = {"lr": 1e-2, "members": 3, "stop_share": 0.0, "channels": (16, 32)}
    assert list(variants(rows, defaults)) == ["", "members=5", "stop_share=0.02", ""]
