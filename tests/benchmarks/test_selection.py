"""The rule that chooses the default reading, on numbers whose answer is known."""

from __future__ import annotations

import pandas as pd
import pytest
from click.testing import CliRunner
from select_reading import METRICS, cells_of, chosen, main

PLACES = [("vae", "slant"), ("vae", "thickness")]


def table(readings, n=10_000):
    """Return rows as a CSV holds them: by reading, target ratio and damage of each place; the original has 0.1."""
    return pd.DataFrame(
        {"variant": reading, "model": model, "feature": feature, "metric": metric, "mean": mean, "n": n, "seeds": 5}
        for reading, places in readings.items()
        for (model, feature), (ratio, damage) in zip(PLACES, places, strict=False)
        for metric, mean in zip(METRICS, (ratio, 0.1, damage), strict=True)
    )


def test_of_those_that_remove_the_one_of_least_damage_is_chosen():
    found = chosen(
        cells_of(
            table(
                {
                    "much": [(0.0001, 0.03), (0.0001, 0.03)],
                    "gentle": [(0.005, 0.01), (0.011, 0.02)],
                    "idle": [(0.05, 0.001), (0.09, 0.001)],
                }
            )
        )
    )
    assert list(found["reading"]) == ["gentle", "much", "idle"]
    assert list(found["verdict"]) == ["chosen", "more damage", "leaves over a tenth"]
    assert found["left"][0] == pytest.approx((0.05 * 0.11) ** 0.5, rel=0.01) and found["worst"][0] > 0.1
    assert found["damage"][0] == pytest.approx(0.0002**0.5)


def test_nothing_left_counts_as_half_a_sample():
    assert cells_of(table({"all": [(0.0, 0.01)]}))["left"][0] == pytest.approx(0.5 / 1000.5)


def test_none_is_chosen_where_none_removes():
    assert "chosen" not in set(chosen(cells_of(table({"idle": [(0.05, 0.001)]})))["verdict"])


def test_a_reading_without_all_cells_is_told_or_compared_on_what_all_have(tmp_path):
    rows = table({"whole": [(0.001, 0.02), (0.001, 0.03)], "half": [(0.001, 0.01)]})
    rows.to_csv(tmp_path / "readings.csv")
    done = CliRunner().invoke(main, [str(tmp_path / "readings.csv")])
    assert done.exit_code == 0 and "left out, because they lack cells: half" in done.output
    found = chosen(cells_of(rows), common=True)
    assert list(found["reading"]) == ["half", "whole"] and set(found["cells"]) == {1}


def test_tables_without_a_column_are_refused_with_the_option_that_adds_it(tmp_path):
    rows = table({"whole": [(0.001, 0.02)]})
    rows[rows["metric"] != "original_target_ratio"].to_csv(tmp_path / "readings.csv")
    done = CliRunner().invoke(main, [str(tmp_path / "readings.csv")])
    assert done.exit_code == 2
    assert "hold no original_target_ratio" in done.output and "--metric target_ratio" in done.output
