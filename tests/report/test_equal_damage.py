"""Methods at equal damage and equal removal, on curves whose truth is known; stored cells: ``test_curves.py``."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.report.comparing.curves import Spot, measured, spot_at
from bench.report.comparing.equal_damage import compare, read
from bench.report.comparing.operating import OPERATING, Default, Operating
from bench.report.comparing.paired import Factor, factor
from bench.report.comparing.verdicts import verdict_of

N = 10_000
AT_DEFAULT, HALF, MORE, REMOVED, TENTH, TWENTIETH = OPERATING.values()


def curve(*pairs):
    return [measured(ratio, N, change) for ratio, change in pairs]


def straight(intercept, slope, changes):
    """Return spots of the curve log-odds = intercept + slope * damage."""
    return [Spot(change, intercept + slope * change) for change in changes]


def default_of(spot, original=0.1):
    return Default(spot, N, original)


# --- reading a curve ----------------------------------------------------------------------------------


def test_a_measured_spot_is_read_as_it_is():
    found = spot_at(curve((0.04, 0.01), (0.01, 0.02), (0.001, 0.03)), "damage", 0.02)
    assert (found.damage, found.ratio(N)) == (0.02, pytest.approx(0.01))
    for ratio in (0.0, 0.5, 1.0):
        assert measured(ratio, N, 0.1).ratio(N) == pytest.approx(ratio, abs=1e-12)
    assert measured(0.0, N, 0.1).share == pytest.approx(0.5 / (N + 1)), "never nothing, so that it has a logarithm"


def test_between_two_spots_the_log_odds_are_linear():
    found = spot_at(curve((0.04, 0.01), (0.01, 0.03)), "damage", 0.02)
    assert 0.01 < found.ratio(N) < 0.025, "geometric rather than arithmetic"
    assert spot_at(curve((0.04, 0.01), (0.01, 0.03)), "damage", 0.031) is None


@pytest.mark.parametrize("damage", [0.01, 0.0137, 0.02, 0.029])
def test_the_damage_at_a_removal_undoes_the_removal_at_a_damage(damage):
    spots = curve((0.04, 0.01), (0.012, 0.02), (0.001, 0.03))
    there = spot_at(spots, "damage", damage)
    assert spot_at(spots, "removal", there.log_odds).damage == pytest.approx(damage)


def test_a_removal_that_a_curve_has_twice_is_read_at_the_lesser_damage():
    spots = curve((0.04, 0.01), (0.01, 0.02), (0.02, 0.03), (0.001, 0.04))
    assert 0.01 < spot_at(spots, "removal", measured(0.015, N, 0).log_odds).damage < 0.02
    assert spot_at(spots, "removal", measured(0.05, N, 0).log_odds) is None


OURS = curve((0.04, 0.01), (0.02, 0.02), (0.01, 0.03))


@pytest.mark.parametrize(
    ("spots", "own", "other", "moved", "bound"),
    [
        (curve((0.03, 0.01), (0.005, 0.03)), 0.02, 0.02, False, ""),
        (curve((0.03, 0.02)), 0.02, 0.02, False, ""),
        (curve((0.01, 0.012), (0.02, 0.005)), 0.012, 0.012, True, ""),
        (curve((0.03, 0.025), (0.02, 0.1)), 0.025, 0.025, True, ""),
        (curve((0.01, 0.004)), 0.004, 0.01, True, "at most"),
        (curve((0.03, 0.05)), 0.05, 0.03, True, "at least"),
    ],
)
def test_a_curve_that_does_not_reach_the_damage_is_read_at_its_own_end(spots, own, other, moved, bound):
    found = read(spots, OURS, AT_DEFAULT, 0.02)
    assert (found.own.damage, found.first.damage, found.moved, found.bound) == (own, other, moved, bound)
    assert (read(spots, OURS, Operating("damage", AT_DEFAULT.level), 0.02) is None) is moved, "elsewhere it is left out"


@pytest.mark.parametrize(
    ("spots", "own", "other", "bound"),
    [
        (curve((0.05, 0.005), (0.03, 0.02)), 0.03, 0.03, ""),
        (curve((0.09, 0.001), (0.05, 0.002)), 0.05, 0.04, "at least"),  # leaves more than ours ever does
        (curve((0.001, 0.02)), 0.001, 0.01, "at most"),
    ],
)
def test_a_curve_that_does_not_reach_the_removal_is_read_at_its_own_end(spots, own, other, bound):
    found = read(spots, OURS, REMOVED, OURS[1].log_odds)
    assert (found.own.ratio(N), found.first.ratio(N)) == (pytest.approx(own), pytest.approx(other))
    assert (found.moved, found.bound) == (True, bound)


def test_the_operating_points_are_the_default_s_and_fractions():
    default = default_of(measured(0.004, N, 0.02), original=0.1)
    assert [point.level(default) for point in (AT_DEFAULT, HALF, MORE)] == [0.02, 0.01, 0.025]
    levels = [Spot(0, point.level(default)).ratio(N) for point in (REMOVED, TENTH, TWENTIETH)]
    assert levels == pytest.approx([0.004, 0.01, 0.005])
    assert math.isnan(TENTH.level(default_of(OURS[1], original=None)))
    unknown = compare({0: OURS}, {0: OURS}, {0: default_of(OURS[1], original=None)}, TENTH)
    assert (unknown.reads, unknown.left_out) == ([], 1)


# --- ratios over seeds --------------------------------------------------------------------------------


def test_a_ratio_has_an_interval_from_four_seeds_on():
    logs = [math.log(2) + shift for shift in (-0.1, 0.0, 0.1)]
    alone = factor(logs)
    assert alone.mean == pytest.approx(2) and math.isnan(alone.low) and math.isnan(alone.visible)
    found = factor([*logs, math.log(2)])
    half = 3.182446 * math.sqrt(0.02 / 3) / 2  # Student's 97.5 % point for 3 degrees of freedom
    assert (found.low, found.high) == pytest.approx((2 * math.exp(-half), 2 * math.exp(half)), rel=1e-6)
    assert math.isnan(factor([0.0, -math.inf]).mean) and math.isnan(factor([]).mean)


def test_the_interval_covers_the_true_ratio_as_often_as_it_says():
    """Curves of 10 seeds with binomial counts; the second method leaves 0.7 times the first's odds at every damage."""
    rng, covered, changes = np.random.default_rng(0), [], (0.01, 0.02, 0.03)

    def sampled(intercept):
        odds = intercept - 60 * np.array(changes)
        counts = rng.binomial(N, 1 / (1 + np.exp(-odds)))
        return [measured(count / N, N, change) for count, change in zip(counts, changes, strict=True)]

    for _ in range(400):
        starts, gaps = rng.normal(-3, 0.3, 10), rng.normal(math.log(0.7), 0.25, 10)
        first = {seed: sampled(start) for seed, start in enumerate(starts)}
        other = {seed: sampled(starts[seed] + gap) for seed, gap in enumerate(gaps)}
        defaults = {seed: Default(Spot(0.015, 0), N, 0.1) for seed in first}
        found = compare(other, first, defaults, AT_DEFAULT).factor
        covered.append(found.low <= 0.7 <= found.high)
    assert 0.92 < np.mean(covered) < 0.98, "shares of about 2 %, where odds and shares differ by a fiftieth"


@pytest.mark.parametrize("count", [4, 10])
def test_the_smallest_visible_ratio_is_found_four_times_in_five(count):
    rng, deviation = np.random.default_rng(1), 0.3
    steps = np.array([-1, 1] * (count // 2)) * deviation * math.sqrt((count - 1) / count)  # of exactly this deviation
    visible = factor(list(steps)).visible
    for truth, wanted in ((math.log(visible), 0.8), (-math.log(visible), 0.8), (0.0, 0.05)):
        found = [factor(list(logs)) for logs in rng.normal(truth, deviation, (1500, count))]
        assert np.mean([each.low > 1 or each.high < 1 for each in found]) == pytest.approx(wanted, abs=0.035)


def test_a_family_better_on_every_seed_has_an_interval_below_one():
    first = {seed: straight(-3 - seed / 20, -60, (0.01, 0.02, 0.03)) for seed in range(5)}
    defaults = {seed: default_of(spots[1]) for seed, spots in first.items()}
    same = compare(first, first, defaults, AT_DEFAULT)
    assert same.factor == Factor(1, 1, 1, 1) and verdict_of(same) == "the same on every seed"
    better = {
        seed: straight(-3 - seed / 20 + math.log(0.5) + seed / 50, -60, (0.01, 0.03)) for seed in range(5)
    }  # the gaps differ from seed to seed
    for point in (AT_DEFAULT, HALF):
        found = compare(better, first, defaults, point)
        assert 0.5 < found.factor.mean < 0.55 and found.factor.high < 0.6
        assert verdict_of(found) == "leaves less" and (len(found.reads), found.moved) == (5, 0)
    worse = compare(first, better, {seed: default_of(spots[0]) for seed, spots in better.items()}, AT_DEFAULT)
    assert verdict_of(worse) == "leaves more"


def test_half_the_damage_for_the_same_removal_is_a_ratio_of_one_half():
    first = {seed: straight(-2, -60 - seed, (0.01, 0.02, 0.04)) for seed in range(5)}
    half = {seed: straight(-2, 2 * (-60 - seed) * (1 + seed / 100), (0.005, 0.01, 0.02)) for seed in range(5)}
    defaults = {seed: default_of(spots[1], original=0.3) for seed, spots in first.items()}
    for point in (REMOVED, TENTH):
        found = compare(half, first, defaults, point)
        assert len(found.reads) == 5 and found.factor.mean == pytest.approx(0.49, abs=0.01)
        assert verdict_of(found) == "changes less"


def test_a_method_of_less_damage_is_ranked_seed_by_seed():
    first = {seed: curve((0.04 + seed / 1000, 0.01), (0.02 + seed / 1000, 0.02)) for seed in range(4)}
    defaults = {seed: default_of(spots[1]) for seed, spots in first.items()}
    gentle = {seed: curve((0.01 + seed / 1000, 0.012)) for seed in range(4)}
    found = compare(gentle, first, defaults, AT_DEFAULT)
    logs = [math.log(gentle[s][0].share / spot_at(first[s], "damage", 0.012).share) for s in range(4)]
    assert (len(found.reads), found.moved, found.bounds) == (4, 4, frozenset())
    assert found.factor.mean == pytest.approx(math.exp(np.mean(logs))) and found.factor.high < 1
    assert found.damages == [0.012] * 4 and verdict_of(found) == "leaves less"
    elsewhere = compare(gentle, first, defaults, HALF)
    assert (elsewhere.reads, elsewhere.left_out) == ([], 4)


def test_seeds_on_which_the_first_family_has_no_result_do_not_count():
    defaults = {1: default_of(OURS[1])}
    found = compare({0: OURS, 1: OURS}, {1: OURS}, defaults, AT_DEFAULT)
    assert (len(found.reads), found.left_out, found.moved) == (1, 0, 0) and found.ratios == [pytest.approx(0.02)]
    assert verdict_of(found) == "too few seeds for an interval: 1, and it takes 4"
    assert compare({0: OURS}, {1: OURS}, defaults, AT_DEFAULT).reads == []


# --- verdicts -----------------------------------------------------------------------------------------


def compared(pairs, point=AT_DEFAULT, change=(0.02, 0.02)):
    """Return the comparison of two methods of one cell per seed: pairs of target ratios, this one's and the first's."""
    own = {seed: [measured(pair[0], N, change[0])] for seed, pair in enumerate(pairs)}
    first = {seed: [measured(pair[1], N, change[1])] for seed, pair in enumerate(pairs)}
    return compare(own, first, {seed: default_of(spots[0]) for seed, spots in first.items()}, point)


def test_what_cannot_be_told_apart_says_what_could_have_been():
    found = compared([(0.02, 0.02), (0.01, 0.02), (0.02, 0.01), (0.015, 0.015)])
    visible = found.factor.visible
    assert found.factor.low < 1 < found.factor.high and 2 < visible < 5
    said = verdict_of(found)
    assert said.startswith("not distinguishable; smallest difference this could see: a factor of ")
    assert 0 <= float(said.rpartition(" ")[2]) - visible < 0.1, "rounded up"


@pytest.mark.parametrize(
    ("pairs", "floor"),
    [
        ([(0.0, 0.0001), *[(0.0, 0.0)] * 4], True),  # 1 of 50,000
        ([(0.0, 0.0001)] * 5, True),  # as different as five positives can be, and the interval has no width
        ([(0.0, 0.0001)] * 6, False),  # six to none: two-sided 3 %
        ([(0.0, 0.01)] * 5, False),
    ],
)
def test_at_the_floor_nothing_could_differ(pairs, floor):
    found = compared(pairs)
    wanted = f"{found.positives:.0f} of {2 * len(pairs) * N:,} samples"
    assert (f"at the floor, so nothing could differ: {wanted}" in verdict_of(found)) is floor
    if not floor:
        assert verdict_of(found) == "leaves less"


def test_a_removal_to_the_floor_is_not_ranked_by_damage():
    found = compared([(0.0, 0.0)] * 5, REMOVED, (0.01, 0.02))
    assert found.factor.mean == pytest.approx(0.5) and verdict_of(found).startswith("at the floor, so a few samples")


@pytest.mark.parametrize(
    ("own", "change", "said"),
    [
        (0.01, 0.004, "leaves less"),  # the first one's curve ends before: less at even less damage
        (0.01, 0.05, "cannot be told"),  # less, at more damage than the first one ever does
        (0.04, 0.004, "cannot be told"),
        (0.04, 0.05, "leaves more"),
    ],
)
def test_a_bound_decides_in_its_own_direction_alone(own, change, said):
    pairs = [(own + seed / 10_000, 0.02) for seed in range(5)]
    found = compared(pairs, change=(change, 0.02))
    assert found.moved == 5 and len(found.bounds) == 1 and verdict_of(found).startswith(said)


def test_a_method_that_changes_nothing_has_no_ratio_of_damage():
    found = compared([(0.1, 0.02)] * 5, REMOVED, (0.0, 0.02))
    assert math.isnan(found.factor.mean) and verdict_of(found) == "no ratio, since one of the two changes nothing"


def test_of_several_ends_the_one_of_least_damage_counts_in_whatever_order_cells_were_stored():
    spots = curve((0.0, 0.03), (0.0, 0.01), (0.0, 0.02))
    for order in (spots, spots[::-1]):
        assert read(order, OURS, REMOVED, OURS[1].log_odds).own.damage == 0.01
