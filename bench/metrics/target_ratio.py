"""Share of samples that have the target feature, by the judge's labels (Table 2)."""

from __future__ import annotations

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import wilson


class TargetRatio(Metric):
    """``target_ratio`` of the evaluated generator, ``original_target_ratio`` of the original; Wilson's interval."""

    columns = frozenset({"labels", "original_labels"})
    values = frozenset({"target_ratio", "original_target_ratio"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        values = {}
        for name, labels in (("target_ratio", columns.labels), ("original_target_ratio", columns.original_labels)):
            positives, n = int(labels.sum()), len(labels)
            low, high = wilson(positives, n)
            values[name] = Value(positives / n, n, higher_is_better=False, low=low, high=high)
        return values


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(TargetRatio)
