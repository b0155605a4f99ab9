"""What else changed: shift of the share of every non-target attribute (the paper's Figure 6)."""

from __future__ import annotations

import numpy as np

from bench.api import Columns, Metric, Value, hookimpl
from bench.intervals import of_mean


class AttributeShift(Metric):
    """``attribute_shift``: mean absolute change of ratio; ``attribute_shift[A]``: signed, with a paired interval.

    The interval of one attribute is that of the mean of (has it after) - (has it before) over the same noise.
    """

    columns = frozenset({"attributes", "original_attributes"})

    def compute(self, columns: Columns) -> dict[str, Value]:  # noqa: D102 (inherited)
        values, sizes = {}, []
        for name in columns.attributes.columns:
            before = columns.original_attributes[name].to_numpy(dtype=np.float64)
            change = columns.attributes[name].to_numpy(dtype=np.float64) - before
            mean, low, high = of_mean(change)
            values[f"attribute_shift[{name}]"] = Value(mean, len(change), None, low, high)
            sizes.append(abs(mean))
        if not sizes:
            return {}
        return {"attribute_shift": Value(float(np.mean(sizes)), len(columns.attributes), False), **values}


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]  # noqa: D103
    register(AttributeShift)
