"""What else changed: share and shift of every non-target attribute (the paper's Figure 6)."""

from __future__ import annotations

import numpy as np

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import of_mean, shown, wilson


class AttributeShift(Metric):
    """How the share of samples with an attribute changes, for every non-target attribute A.

    ``attribute_shift[A]`` is the signed change, with the interval of the mean of (has it after) - (has it before) over
    the same noise. ``attribute_ratio[A]`` is the share after unlearning, with Wilson's interval.

    ``attribute_shift`` is the mean over all attributes of the absolute change. Its interval is normal, by the delta
    method, and has the attributes' covariance. Sampling alone moves every share a little, and absolute values do not
    cancel: where nothing is lost or gained on average, it is still above 0, by 0.8 standard errors of a change.
    """

    columns = frozenset({"attributes", "original_attributes"})
    values = frozenset({"attribute_shift", "attribute_ratio"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        values, signed, n = {}, [], len(columns.attributes)
        for name in columns.attributes.columns:
            after = columns.attributes[name].to_numpy(dtype=np.float64)
            change = after - columns.original_attributes[name].to_numpy(dtype=np.float64)
            mean, low, high = of_mean(change)
            values[f"attribute_shift[{name}]"] = Value(mean, n, None, *shown(low, high, n))
            values[f"attribute_ratio[{name}]"] = Value(float(after.mean()), n, None, *wilson(int(after.sum()), n))
            signed.append(np.sign(mean) * change)  # its mean is |mean|
        if not signed:
            return {}
        shift, low, high = of_mean(np.mean(signed, axis=0))
        return {"attribute_shift": Value(shift, n, False, *shown(max(0.0, low), high, n)), **values}


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(AttributeShift)
