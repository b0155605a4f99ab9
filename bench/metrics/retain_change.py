"""Unwanted change: mean |g - f| per pixel over samples that did not have the feature."""

from __future__ import annotations

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import of_mean, shown


class RetainChange(Metric):
    """``retain_change``: mean |g - f| per pixel, in [0, 1], over samples whose original the judge labels negative."""

    columns = frozenset({"pixel_change", "original_labels"})
    values = frozenset({"retain_change"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        change = columns.pixel_change[~columns.original_labels]
        if len(change) < 2:
            return {}
        mean, low, high = of_mean(change)
        return {"retain_change": Value(mean, len(change), False, *shown(max(0.0, low), high, len(change)))}


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(RetainChange)
