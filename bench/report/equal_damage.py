"""Which method is best at equal damage: target ratios read off each method's curve at one ``retain_change``.

A method that changes more removes more, so ratios alone rank nothing. Each family (one method, its threshold moved)
gives one curve of target ratio against ``retain_change`` per seed; all curves of a seed are read at the damage that
the first family does at its default on that seed, and compared seed by seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Point:
    """What one cell did: the share that still has the feature, of how many samples, and the change elsewhere."""

    target_ratio: float
    n: int
    retain_change: float


@dataclass(frozen=True)
class Comparison:
    """A family's target ratio at the damage of the first family's default, over seeds.

    Attributes
    ----------
    mean, sd : float
        Over the seeds whose curve reaches that damage; sd is NaN for one.
    difference, low, high : float
        Mean of (this family - the first), seed by seed, with Student's 95 % interval; NaN for fewer than two seeds.
    seeds : int
        How many seeds' curves reach that damage; the others are left out, never extrapolated.
    """

    mean: float
    sd: float
    difference: float
    low: float
    high: float
    seeds: int


def at_damage(curve: Sequence[Point], damage: float) -> float:
    """Return the target ratio where a curve does the given damage, NaN outside it.

    Linear in the log-odds of (positives + 1/2) / (n + 1) between neighbouring points.
    """
    points = sorted(curve, key=lambda point: point.retain_change)
    changes = [point.retain_change for point in points]
    if not changes[0] <= damage <= changes[-1]:
        return math.nan
    if damage in changes:
        return points[changes.index(damage)].target_ratio
    shares = [(p.target_ratio * p.n + 0.5) / (p.n + 1) for p in points]
    log_odds = float(np.interp(damage, changes, [math.log(s / (1 - s)) for s in shares]))
    n = points[0].n
    return max(0.0, ((n + 1) / (1 + math.exp(-log_odds)) - 0.5) / n)


def compare(
    curves: Mapping[str, Mapping[int, Sequence[Point]]], defaults: Mapping[int, Point]
) -> dict[str, Comparison]:
    """Read every family's curves at the damage of ``defaults``.

    Parameters
    ----------
    curves : mapping of str to (mapping of int to sequence of Point)
        Family, seed, the points of its curve.
    defaults : mapping of int to Point
        By seed, what the family that all are compared with does at its default.
    """
    found = {}
    for family, by_seed in curves.items():
        read = {
            seed: at_damage(by_seed[seed], point.retain_change) for seed, point in defaults.items() if seed in by_seed
        }
        kept = {seed: ratio for seed, ratio in read.items() if not math.isnan(ratio)}
        ratios = np.array(list(kept.values()))
        gaps = np.array([ratio - defaults[seed].target_ratio for seed, ratio in kept.items()])
        difference, low, high = _student(gaps)
        found[family] = Comparison(
            float(ratios.mean()) if len(ratios) else math.nan,
            float(ratios.std(ddof=1)) if len(ratios) > 1 else math.nan,
            difference,
            low,
            high,
            len(ratios),
        )
    return found


def _student(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Mean with Student's 95 % interval; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan, math.nan
    if not values.any():  # the first family compared with itself
        return 0.0, 0.0, 0.0
    from scipy.stats import ttest_1samp

    interval = ttest_1samp(values, 0).confidence_interval(0.95)
    return float(values.mean()), float(interval.low), float(interval.high)
