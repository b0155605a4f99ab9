"""How far g is from the truth: mean |g - f's image without the feature|, where the data set knows that image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import of_mean


class Counterfactual(Metric):
    """``counterfactual_error``, in units of the [0, 1] pixel range, over samples whose original is positive.

    It is the sum of ``counterfactual_error_inside``, where the feature can be, and ``counterfactual_error_outside``,
    where the truth is f's image. The method ``original`` shows what leaving everything as it is costs. The truth is
    itself learnt from true pairs (``bench/evaluation/counterfactual.py``); its error on held-out ones is in
    ``bench zoo list``.
    """

    columns = frozenset({"counterfactual_error"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        assert columns.counterfactual_error is not None
        errors = columns.counterfactual_error[~np.isnan(columns.counterfactual_error[:, 0])]  # (P, 2)
        if len(errors) < 2:
            return {}
        parts = {"": errors.sum(axis=1), "_inside": errors[:, 0], "_outside": errors[:, 1]}
        return {f"counterfactual_error{suffix}": _mean(part) for suffix, part in parts.items()}


def _mean(errors: NDArray[np.float64]) -> Value:
    mean, low, high = of_mean(errors)
    return Value(mean, len(errors), higher_is_better=False, low=max(0.0, low), high=high)


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(Counterfactual)
