"""A number of ours with its interval over seeds, and a number of the paper's: what claims are compared by."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from reference_numbers import digits, row

from bench.toolkit.intervals import student_point, wilson

ROUNDING = 1e-9  # a deviation below it: nothing varied
PAPER = Path(__file__).resolve().parents[1] / "results" / "paper" / "tables.csv"
PLACE = ["table", "model", "feature", "method", "metric", "params"]


def published(*place: str) -> float:
    """Return a number of results/paper/tables.csv: table, model, feature, method, metric, and parameters if any."""
    rows = pd.read_csv(PAPER, dtype=str, keep_default_na=False)
    wanted = [*place, ""][: len(PLACE)]
    found = rows[(rows[PLACE] == wanted).all(axis=1)]
    if len(found) != 1:
        raise ValueError(f"{PAPER}: has {len(found)} rows of {', '.join(place)}")
    return float(found.value.iloc[0])


@dataclass(frozen=True)
class Number:
    """One number of results/reference."""

    file: str
    feature: str
    variant: str
    metric: str

    @cached_property
    def _row(self) -> pd.Series[Any]:
        return row(self.file, self.feature, self.variant, self.metric)

    @property
    def known(self) -> bool:
        """Say whether it is there: a variant that was not run has a row without a number, or none."""
        try:
            return self._row is not None
        except ValueError:
            return False

    @property
    def mean(self) -> float:
        """Over seeds."""
        return float(self._row["mean"])

    @property
    def seeds(self) -> int:
        """How many."""
        return 1 if pd.isna(self._row["seeds"]) else int(self._row["seeds"])

    @property
    def ends(self) -> tuple[float, float] | None:
        """The 95 % interval: Student's over seeds, or Wilson's over samples for a target ratio of one seed; or None."""
        sd = self._row["sd"]
        if self.seeds < 2:
            n = int(self._row["n"]) if self.metric == "target_ratio" else 0
            return wilson(round(self.mean * n), n) if n else None
        if pd.isna(sd) or sd < ROUNDING:
            return None
        half = student_point(self.seeds - 1) * float(sd) / math.sqrt(self.seeds)
        return max(0.0, self.mean - half), self.mean + half  # no metric here is negative

    @property
    def low(self) -> float:
        """Lower end of the interval, or the mean."""
        return self.ends[0] if self.ends else self.mean

    @property
    def high(self) -> float:
        """Upper end of the interval, or the mean."""
        return self.ends[1] if self.ends else self.mean

    @property
    def plain(self) -> str:
        """The mean, with the digits of its metric."""
        return digits(self.metric, self.mean)

    @property
    def text(self) -> str:
        """The mean with its interval."""
        ends = f" ({digits(self.metric, self.low)} to {digits(self.metric, self.high)})" if self.ends else ""
        return self.plain + ends

    def apart_from(self, other: Number) -> bool:
        """Say whether the intervals of two numbers do not overlap; not where either was run once."""
        if min(self.seeds, other.seeds) < 2:
            return False
        return self.high < other.low or other.high < self.low

    def sources(self) -> list[str]:
        """Return the data, and what looked at how many samples of them, in words."""
        parts = [part.strip() for part in re.split(r"; ", str(self._row["source"]))]
        plain = [re.sub(r"^(\d+) samples of \w+$", lambda m: f"{int(m[1]):,} samples", part) for part in parts]
        return [part.removeprefix("unlearning stage on ").replace("1 threads", "1 thread") for part in plain]
