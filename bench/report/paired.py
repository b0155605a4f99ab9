"""Paired comparisons over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

FEWEST = 2  # seeds that a comparison takes


def student(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of paired differences with Student's 95 % interval; NaN for fewer than two."""
    if len(values) < FEWEST:
        return math.nan, math.nan, math.nan
    from scipy.special import stdtrit

    mean, half = fmean(values), float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half
