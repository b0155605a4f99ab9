"""Verdicts, in words, on comparisons at an operating point."""

from __future__ import annotations

import math

from bench.report import digits
from bench.report.comparing.equal_damage import Comparison
from bench.report.comparing.paired import ENOUGH

DECISIVE = 6  # positives below which no division of them between two methods is rarer than 5 % (2 / 2**6 = 3 %)
FLOOR = {
    "damage": "all at the floor, so nothing could differ: {} of {} samples, both methods and all seeds together",
    "removal": "at the floor, so a few samples decide where this is reached: {} of {}, both methods and all seeds",
}
LESS = {"damage": "leaves less", "removal": "changes less"}
MORE = {"damage": "leaves more", "removal": "changes more"}
ENDS = "cannot be told, since the first one's curve ends before"


def verdict_of(found: Comparison) -> str:
    """Say whether a family is better than the first one, or what a comparison of its size could have seen."""
    ratio, seeds = found.factor, len(found.reads)
    if found.positives < DECISIVE - 0.5:
        samples = 2 * sum(n for n, _ in found.reads)
        return FLOOR[found.axis].format(f"{found.positives:.0f}", f"{samples:,}")
    if math.isnan(ratio.mean):
        return "no ratio, since one of the two changes nothing"
    if seeds < ENOUGH:
        return f"too few seeds for an interval: {seeds}, and it takes {ENOUGH}"
    if ratio.high < 1:
        return ENDS if "at least" in found.bounds else LESS[found.axis]
    if ratio.low > 1:
        return ENDS if "at most" in found.bounds else MORE[found.axis]
    if ratio.low == ratio.high:
        return "the same on every seed"
    return f"not distinguishable; smallest difference this could see: {by(ratio.visible)}"


def by(visible: float) -> str:
    """Write a factor rounded up, since a smaller one would not be seen."""
    places = digits.factor_places(visible, None)
    return f"a factor of {digits.fixed(math.ceil(visible * 10**places) / 10**places, places)}"


def caveat_of(found: Comparison) -> str:
    """Say of a ratio that it is only a bound, and which one."""
    return "; ".join(f"{bound} this, since the first one's curve ends before" for bound in sorted(found.bounds))
