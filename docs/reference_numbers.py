"""One number of results/reference, written for people: digits by metric, the spread next to the mean."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "reference"
DECIMALS = {"roc_auc": 3, "fid": 2, "fid_retain": 2, "inception_score": 2, "seconds": 0, "peak_memory_mb": 0}
DECIMALS |= {"oracle_kappa": 2, "fid_counterfactual": 2, "target_images": 0, "non_target_images": 0}
FINEST = 5  # decimals; below that a ratio of 10,000 samples says nothing


@cache
def frame(file: str) -> pd.DataFrame:
    """Return a CSV file of results/reference, one number a row.

    Parameters
    ----------
    file : str
        Without folder and suffix: ``vae/table-2``.
    """
    path = REFERENCE / f"{file}.csv"
    if not path.is_file():
        raise ValueError(f"{file}: lacks {path}")
    return pd.read_csv(path, keep_default_na=True)


def row(file: str, feature: str, variant: str, metric: str) -> pd.Series[Any]:
    """Return the one row of a number; raises ValueError if it is not there or was not run."""
    rows = frame(file)
    found = rows[(rows.feature == feature) & (rows.variant == variant) & (rows.metric == metric)]
    if len(found) != 1 or pd.isna(found["mean"].iloc[0]):
        raise ValueError(f"{file}: holds no number for {feature}, {variant}, {metric}")
    return found.iloc[0]


def decimals(metric: str, *numbers: float) -> int:
    """Return the decimals of a metric, or more where a number other than 0 would read 0."""
    found = DECIMALS.get(re.sub(r"\[.*\]", "", metric), 4)
    while found < FINEST and any(number and round(number, found) == 0 for number in numbers):
        found += 1
    return found


def digits(metric: str, number: float) -> str:
    """Return a number with the decimals of its metric."""
    return f"{number:,.{decimals(metric, number)}f}" if number else "0"


def spread(metric: str, mean: float, deviation: float) -> str:
    """Return mean ± standard deviation, which no line break divides; the mean alone where nothing varied."""
    if pd.isna(deviation) or round(deviation, FINEST) == 0:
        return digits(metric, mean)
    places = decimals(metric, mean, deviation)
    return f"{mean:,.{places}f}\u00a0±\u00a0{deviation:,.{places}f}"


def value(file: str, feature: str, variant: str, metric: str) -> str:
    """Return a number of a table as mean ± standard deviation over seeds."""
    found = row(file, feature, variant, metric)
    return spread(metric, found["mean"], found["sd"])


def mean(file: str, feature: str, variant: str, metric: str) -> str:
    """Return the mean alone."""
    return digits(metric, row(file, feature, variant, metric)["mean"])


def paper(file: str, feature: str, variant: str, metric: str) -> str:
    """Return the paper's number."""
    published = row(file, feature, variant, metric)["paper"]
    if pd.isna(published):
        raise ValueError(f"{file}: the paper reports no {metric} for {feature}, {variant}")
    return f"{published:g}"


def percent(file: str, feature: str, variant: str, metric: str) -> str:
    """Return a mean as a percentage with two significant digits."""
    return f"{100 * row(file, feature, variant, metric)['mean']:.2g} %"


def part(file: str, feature: str, variant: str, metric: str) -> str:
    """Return which part of the original's mean a variant leaves, as ``1/15``; two significant digits below ten."""
    before, after = (float(row(file, feature, name, metric)["mean"]) for name in ("original", variant))
    if not 0 < after <= before:
        raise ValueError(f"{file}: {variant} leaves no part of the original's {metric} of {feature}")
    times = before / after
    return f"1/{times:,.{1 if times < 9.95 else 0}f}"


def rise(file: str, feature: str, variant: str, metric: str) -> str:
    """Return by how many per cent a variant's mean exceeds the original's, as ``27 %``; two digits or more."""
    before, after = (float(row(file, feature, name, metric)["mean"]) for name in ("original", variant))
    per_cent = 100 * (after / before - 1)
    return f"{per_cent:.{0 if abs(per_cent) >= 9.95 else 1}f} %"
