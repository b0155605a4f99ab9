"""Target ratios read off curves at equal damage; the table of stored cells is held in ``test_curves.py``."""

import math

import pytest

from bench.report.equal_damage import Point, Read, at_damage, compare, read


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
    found = compare({"same": worse, "better": better}, worse, defaults)
    assert found["same"].difference == pytest.approx(0, abs=1e-9)
    assert found["better"].high < 0 < found["better"].seeds == 5


OURS = curve((0.04, 0.01), (0.02, 0.02), (0.01, 0.03))
DEFAULT = OURS[1]


@pytest.mark.parametrize(
    ("points", "wanted"),
    [
        (curve((0.03, 0.01), (0.005, 0.03)), Read(0.02, at_damage(curve((0.03, 0.01), (0.005, 0.03)), 0.02), 0.02)),
        (curve((0.03, 0.02)), Read(0.02, 0.03, 0.02)),
        (curve((0.01, 0.012), (0.02, 0.005)), Read(0.012, 0.01, at_damage(OURS, 0.012), moved=True)),
        (curve((0.03, 0.025), (0.02, 0.1)), Read(0.025, 0.03, at_damage(OURS, 0.025), moved=True)),
        (curve((0.01, 0.004)), Read(0.004, 0.01, 0.04, moved=True, bound="at most")),
        (curve((0.03, 0.05)), Read(0.05, 0.03, 0.01, moved=True, bound="at least")),
    ],
)
def test_a_curve_that_does_not_reach_the_damage_is_read_at_its_own_end(points, wanted):
    assert read(points, OURS, DEFAULT) == wanted


def test_a_method_of_less_damage_is_ranked_seed_by_seed():
    first = {seed: [Point(p.target_ratio + 0.001 * seed, p.n, p.retain_change) for p in OURS] for seed in range(3)}
    defaults = {seed: points[1] for seed, points in first.items()}
    gentle = {seed: curve((0.01 + 0.001 * seed, 0.012)) for seed in range(3)}
    found = compare({"gentle": gentle}, first, defaults)["gentle"]
    gaps = [0.01 + 0.001 * seed - at_damage(first[seed], 0.012) for seed in range(3)]
    assert (found.seeds, found.moved, found.bounds) == (3, 3, ())
    assert found.damage == pytest.approx(0.012) and found.mean == pytest.approx(0.011)
    assert found.difference == pytest.approx(sum(gaps) / 3) and found.low < found.difference < found.high < 0


def test_seeds_on_which_the_first_family_has_no_result_do_not_count():
    found = compare({"a": {0: OURS, 1: OURS}}, {1: OURS}, {1: DEFAULT})["a"]
    assert (found.seeds, found.mean, found.moved) == (1, 0.02, 0) and math.isnan(found.low)
    assert compare({"a": {0: OURS}}, {1: OURS}, {1: DEFAULT})["a"].seeds == 0
