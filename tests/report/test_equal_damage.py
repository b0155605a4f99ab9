"""Target ratios read off curves at equal damage; the table of stored cells is held in ``test_curves.py``."""

import math

import pytest

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
