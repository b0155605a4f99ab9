"""Cells without an oracle: your own generator, and a person's clicks.

A placeholder stands in for the oracle, metrics that need one are left out, and two things are measured nonetheless: how
many samples the method's identifier flags, and how much the flagged and the other samples change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, Columns, Dataset, Metric, Value
from bench.errors import UsageError, unknown
from bench.toolkit.intervals import of_mean, wilson
from bench.workspace.store import FEATURE

ORACLE = "an oracle"
OWN = "without_oracle"  # the name of ``Flags`` among the metrics
LACKING = {
    **dict.fromkeys(("labels", "original_labels", "scores", "original_scores"), ORACLE),
    **dict.fromkeys(("attributes", "original_attributes"), ORACLE),
    **dict.fromkeys(("reference", "reference_retain"), "reference images"),
}  # what each column of the evaluation needs
UNMET = {"oracle": ORACLE, "training_data": "training data"}  # what a method may need and clicks do not give


class NoOracle(Classifier):
    """A placeholder where a classifier is expected: every score is NaN, and no metric reads one."""

    def __init__(self, feature: str) -> None:
        super().__init__()
        self.attributes, self.cuts = (feature,), {feature: float("nan")}

    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        return np.full((len(images), len(attributes)), np.nan)


def require_feature(dataset: Dataset, name: str, feature: str) -> None:
    """Raise UsageError unless data set ``name`` has a feature; without an oracle, any valid file name is one."""
    if dataset.classifier is not None:
        if feature not in dataset.features:
            raise unknown("feature", feature, dataset.features, f"--feature (data set '{name}')")
    elif feature == "all" or not re.fullmatch(FEATURE, feature):
        raise UsageError(
            f"--feature {feature}: name what was clicked, in letters, digits, '_', '.' and '-' (data set '{name}' has "
            "no list of features)"
        )


def why_skipped(needs: frozenset[str]) -> str | None:
    """Return why a method with these needs cannot run on clicks alone; None if it can."""
    unmet = [UNMET[need] for need in sorted(needs & UNMET.keys())]
    return f"needs {' and '.join(unmet)}; this run has only clicks" if unmet else None


def left_out(metrics: Mapping[str, Metric], *, judged: bool = False) -> dict[str, str]:
    """Return the metrics that cannot be computed, each with the reason; ``judged``: an oracle was named."""
    absent = {column: what for column, what in LACKING.items() if not (judged and what == ORACLE)}
    lacking = {name: sorted({absent[c] for c in metric.columns & absent.keys()}) for name, metric in metrics.items()}
    return {name: f"needs {' and '.join(what)}" for name, what in lacking.items() if what}


class Flags(Metric):
    """What is known without an oracle; intervals are over samples.

    ``flagged_ratio``, the share of the original's samples that the method's identifier flags; ``flagged_change`` and
    ``unflagged_change``, the mean absolute change of a pixel (in [0, 1]) in flagged and in all other samples.
    ``change``, the same over all samples, if the method has no identifier with a threshold.
    """

    columns = frozenset({"pixel_change"})  # and `flagged`, where there is one
    values = frozenset({"flagged_ratio", "flagged_change", "unflagged_change", "change"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        flags = columns.flagged
        if flags is None:
            return _changes({"change": columns.pixel_change})
        ratio = {"flagged_ratio": Value(float(flags.mean()), len(flags), None, *wilson(int(flags.sum()), len(flags)))}
        parts = {"flagged_change": columns.pixel_change[flags], "unflagged_change": columns.pixel_change[~flags]}
        return ratio | _changes(parts)


def _changes(parts: Mapping[str, NDArray[np.float64]]) -> dict[str, Value]:
    values = {}
    for name, changes in parts.items():
        if len(changes) >= 2:
            mean, low, high = of_mean(changes)
            values[name] = Value(mean, len(changes), None, max(0.0, low), high)
    return values
