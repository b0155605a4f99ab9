"""Intervals over seeds, and paired comparisons: differences, and ratios by their logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from bench.toolkit.intervals import student_point

FEWEST = 2  # seeds that telling the best numbers apart takes
ENOUGH = 4  # fewest seeds of an interval that is shown; below it the width is mostly Student's factor, 4.3 for three
POWER = 0.8  # with which a difference of the size of ``Factor.visible`` is found
COVERS = "seeds: clicks and unlearning"  # what varies in an interval over seeds


@dataclass(frozen=True)
class Factor:
    """A ratio over seeds.

    Attributes
    ----------
    mean : float
        Geometric mean; NaN if a logarithm is not finite.
    low, high : float
        Student's 95 % interval of the logarithms; NaN for fewer than ``ENOUGH`` seeds.
    visible : float
        At least 1: a true ratio of this or of 1 / this is told from 1 with a probability of ``POWER``. NaN as above.
    """

    mean: float
    low: float = math.nan
    high: float = math.nan
    visible: float = math.nan


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
    mean, half = fmean(values), student_point(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def factor(logs: Sequence[float]) -> Factor:
    """Return the ratio behind paired differences of logarithms.

    The smallest visible ratio is that of the two-sided paired t-test at 5 %: the shift of the mean at which the
    noncentral t distribution, with the standard deviation found, exceeds the test's limit with a probability of
    ``POWER``.
    """
    if not logs or not all(map(math.isfinite, logs)):
        return Factor(math.nan)
    if len(logs) < ENOUGH:
        return Factor(math.exp(fmean(logs)))
    mean, low, high = student(logs)
    shift = detectable(len(logs)) * stdev(logs) / math.sqrt(len(logs))
    return Factor(*(math.exp(value) for value in (mean, low, high, shift)))


def detectable(count: int) -> float:
    """Return the mean, in standard errors, that a paired t-test of so many pairs finds with a probability of POWER."""
    from scipy.special import nctdtrinc

    return float(nctdtrinc(count - 1, 1 - POWER, student_point(count - 1)))
