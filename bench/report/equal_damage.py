"""Which method is best at equal damage: target ratios read off each method's curve at one ``retain_change``.

A method that changes more removes more, so ratios alone rank nothing. Each family (one method, one parameter varied)
gives one curve of target ratio against ``retain_change`` per seed. All curves of a seed are read at the damage that the
first family does at its default on that seed. A curve that lies elsewhere is read at its nearest end, and the first
family's curve there too. Curves are compared seed by seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from bench.report.paired import student


@dataclass(frozen=True)
class Point:
    """What one cell did: the share that still has the feature, of how many samples, and the change elsewhere."""

    target_ratio: float
    n: int
    retain_change: float


@dataclass(frozen=True)
class Read:
    """A family and the first one at one damage, on one seed.

    Attributes
    ----------
    damage, ratio, other : float
        Where both are read; the family's target ratio there, and the first family's.
    moved : bool
        Whether it is another damage than that of the first family's default.
    bound : str
        "at most" or "at least" if the first family's curve does not reach that damage either: what the difference is,
        as far as more change removes more.
    """

    damage: float
    ratio: float
    other: float
    moved: bool = False
    bound: str = ""


@dataclass(frozen=True)
class Comparison:
    """A family and the first one at equal damage, over seeds.

    Attributes
    ----------
    mean, sd, damage : float
        Of the target ratio, and where it was read; NaN without seeds, sd for one too.
    difference, low, high : float
        Mean of (this family - the first), seed by seed, with Student's 95 % interval; NaN for fewer than two seeds.
    seeds, moved : int
        How many seeds there are, and how many were read at another damage than that of the first family's default.
    bounds : tuple of str
        "at most", "at least": see ``Read``.
    """

    mean: float
    sd: float
    damage: float
    difference: float
    low: float
    high: float
    seeds: int
    moved: int
    bounds: tuple[str, ...]


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


def read(curve: Sequence[Point], first: Sequence[Point], default: Point) -> Read:
    """Read a curve and the first family's at one damage: that of its default, or the nearest end of the curve."""
    ratio = at_damage(curve, default.retain_change)
    if not math.isnan(ratio):
        return Read(default.retain_change, ratio, default.target_ratio)
    end = _nearest(curve, default.retain_change)
    other = at_damage(first, end.retain_change)
    if not math.isnan(other):
        return Read(end.retain_change, end.target_ratio, other, moved=True)
    reached = _nearest(first, end.retain_change)
    bound = "at most" if end.retain_change < reached.retain_change else "at least"
    return Read(end.retain_change, end.target_ratio, reached.target_ratio, moved=True, bound=bound)


def compare(
    curves: Mapping[str, Mapping[int, Sequence[Point]]],
    first: Mapping[int, Sequence[Point]],
    defaults: Mapping[int, Point],
) -> dict[str, Comparison]:
    """Compare every family with the first one.

    Parameters
    ----------
    curves : mapping of str to (mapping of int to sequence of Point)
        Family, seed, the points of its curve.
    first : mapping of int to sequence of Point
        By seed, the curve of the family that all are compared with.
    defaults : mapping of int to Point
        By seed, what that family does at its default.
    """
    return {
        family: _compared(
            [read(by_seed[seed], first[seed], point) for seed, point in defaults.items() if seed in by_seed]
        )
        for family, by_seed in curves.items()
    }


def _compared(found: Sequence[Read]) -> Comparison:
    ratios = [each.ratio for each in found]
    return Comparison(
        fmean(ratios) if ratios else math.nan,
        stdev(ratios) if len(ratios) > 1 else math.nan,
        fmean(each.damage for each in found) if found else math.nan,
        *student([each.ratio - each.other for each in found]),
        len(found),
        sum(each.moved for each in found),
        tuple(sorted({each.bound for each in found if each.bound})),
    )


def _nearest(curve: Sequence[Point], damage: float) -> Point:
    return min(curve, key=lambda point: abs(point.retain_change - damage))
