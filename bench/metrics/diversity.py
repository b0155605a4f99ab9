"""What else changed: share and shift of every non-target attribute (the paper's Figure 6)."""

from __future__ import annotations

import numpy as np

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import of_mean, wilson


class AttributeShift(Metric):
    """How the share of samples with an attribute changes, for every non-target attribute A.

    ``attribute_shift[A]`` is the signed change, with the interval of the mean of (has it after) - (has it before) over
    the same noise; ``attribute_shift`` is the mean absolute change over all attributes. ``attribute_ratio[A]`` is the
    share after unlearning, with Wilson's interval.
    """

    columns = frozenset({"attributes", "original_attributes"})
    values = frozenset({"attribute_shift", "attribute_ratio"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        values, sizes, n = {}, [], len(columns.attributes)
        for name in columns.attributes.columns:
            after = columns.attributes[name].to_numpy(dtype=np.float64)
            mean, low, high = of_mean(after - columns.original_attributes[name].to_numpy(dtype=np.float64))
            values[f"attribute_shift[{name}]"] = Value(mean, n, None, low, high)
            values[f"attribute_ratio[{name}]"] = Value(float(after.mean()), n, None, *wilson(int(after.sum()), n))
            sizes.append(abs(mean))
        if not sizes:
            return {}
        return {"attribute_shift": Value(float(np.mean(sizes)), n, False), **values}


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(AttributeShift)
