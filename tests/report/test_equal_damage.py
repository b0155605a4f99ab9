import math
from types import SimpleNamespace

import pytest

from bench.report.aggregate import damage_frame
from bench.report.definitions import TABLES
from bench.report.equal_damage import Point, at_damage, compare


def curve(*pairs):
    return [Point(ratio, 10_000, change) for ratio, change in pairs]


def test_a_measured_point_is_read_as_it_is():
    assert at_damage(curve((0.04, 0.01), (0.01, 0.02), (0.001, 0.03)), 0.02) == pytest.approx(0.01)


def test_between_two_points_the_log_odds_are_linear():
    middle = at_damage(curve((0.04, 0.01), (0.01, 0.03)), 0.02)
    assert 0.01 < middle < 0.025  # geometric rather than arithmetic
    assert math.isnan(at_damage(curve((0.04, 0.01), (0.01, 0.03)), 0.031))


def test_a_family_better_on_every_seed_has_an_interval_below_zero():
    defaults = {seed: Point(0.02 + 0.001 * seed, 10_000, 0.02) for seed in range(5)}
    worse = {
        seed: curve((2 * point.target_ratio, 0.019), (point.target_ratio, 0.02)) for seed, point in defaults.items()
    }
    better = {seed: curve((point.target_ratio / 2, 0.019), (0.0, 0.03)) for seed, point in defaults.items()}
    found = compare({"same": worse, "better": better}, defaults)
    assert found["same"].difference == pytest.approx(0, abs=1e-9)
    assert found["better"].high < 0 < found["better"].seeds == 5


def test_a_curve_that_does_not_reach_the_damage_is_left_out_not_extrapolated():
    defaults = {0: Point(0.02, 10_000, 0.02), 1: Point(0.02, 10_000, 0.05)}
    short = {seed: curve((0.03, 0.01), (0.01, 0.03)) for seed in defaults}
    found = compare({"short": short}, defaults)["short"]
    assert found.seeds == 1 and math.isnan(found.low)


def test_the_frame_compares_stored_cells_seed_by_seed():
    """Three cells a family and seed; the second family halves the ratio at every damage; a failed cell counts for none."""
    table = TABLES["damage"]
    ours, tail = table.variants[0], [v for v in table.variants if v.family == "probe"]
    records, runs = {}, []

    def stored(variant, seed, ratio, change, status="ok"):
        folder = f"{variant.label} {seed}"
        values = {"target_ratio": {"value": ratio, "n": 10_000}, "retain_change": {"value": change}}
        records[folder] = SimpleNamespace(status=status, metrics=values)
        workspace = SimpleNamespace(store=SimpleNamespace(read=records.get))
        dataset = SimpleNamespace(label="bars (synthetic)", classifier="ruler")
        cell = SimpleNamespace(model="vae", feature="slant", seed=seed)
        runs.append((variant, SimpleNamespace(workspace=workspace, folder=folder, dataset=dataset, cell=cell)))

    for seed in range(3):
        stored(ours, seed, 0.02 + seed / 1000, 0.020)
        for variant, ratio, change in zip(tail, (0.04, 0.01, 0.001), (0.01, 0.02, 0.03), strict=False):
            stored(variant, seed, ratio * (1 + seed / 20), change, "failed" if seed == 2 else "ok")
    frame = damage_frame(table, runs).set_index(["variant", "metric"])
    assert set(frame["data"]) == {"bars (synthetic)"} and set(frame["n"]) == {10_000}
    assert frame.loc[(ours.family, "difference"), "mean"] == pytest.approx(0, abs=1e-12)
    probe = frame.loc[("probe", "target_ratio")]
    assert probe["seeds"] == 2 and probe["mean"] == pytest.approx((0.01 + 0.0105) / 2)
    difference = frame.loc[("probe", "difference")]
    assert difference["mean"] == pytest.approx(((0.01 - 0.02) + (0.0105 - 0.021)) / 2)
    assert difference["note"].startswith("95 %: -0.01")
