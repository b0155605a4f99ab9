"""Distance of g from f's image redrawn without the feature, for data sets that can redraw it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import of_mean, shown


class Counterfactual(Metric):
    """``counterfactual_error``: mean |g - truth| per pixel, in [0, 1], over samples whose original is positive.

    Read its two summands, not the sum: ``counterfactual_error_inside``, over pixels where the feature can be, and
    ``counterfactual_error_outside``, over all others, where the truth equals f's image. A student that drifts a little
    everywhere has most of the sum outside, and more of it than a generator that still draws the feature. The method
    ``original`` shows the error of changing nothing. The truth comes from a network trained on true pairs
    (``bench/evaluation/counterfactual.py``). Its own error on held-out pairs is the floor: no generator can be told
    from the truth below it. It stands next to the numbers in the line of ``bench run`` and in a table's caption.
    """

    columns = frozenset({"counterfactual_error"})
    values = frozenset({"counterfactual_error", "counterfactual_error_inside", "counterfactual_error_outside"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        assert columns.counterfactual_error is not None
        errors = columns.counterfactual_error[~np.isnan(columns.counterfactual_error[:, 0])]  # (P, 2)
        if len(errors) < 2:
            return {}
        parts = {"": errors.sum(axis=1), "_inside": errors[:, 0], "_outside": errors[:, 1]}
        return {f"counterfactual_error{suffix}": _mean(part) for suffix, part in parts.items()}


def _mean(errors: NDArray[np.float64]) -> Value:
    mean, low, high = of_mean(errors)
    return Value(mean, len(errors), False, *shown(max(0.0, low), high, len(errors)))


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(Counterfactual)
