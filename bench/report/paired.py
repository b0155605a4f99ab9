"""Intervals over seeds, and paired comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

FEWEST = 2  # seeds that a comparison takes
ENOUGH = 4  # seeds that an interval of a mean takes: of fewer it is mostly Student's factor, 4.3 for three


def over_seeds(values: Sequence[float]) -> tuple[float, float] | None:
    """Return Student's 95 % interval of the mean; None for fewer than four values, or if all are the same."""
    if len(values) < ENOUGH or len(set(values)) == 1:
        return None
    _, low, high = student(values)
    return low, high


def student(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of paired differences with Student's 95 % interval; NaN for fewer than two."""
    if len(values) < FEWEST:
        return math.nan, math.nan, math.nan
    from scipy.special import stdtrit

    mean, half = fmean(values), float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half
