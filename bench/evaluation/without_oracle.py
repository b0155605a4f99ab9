"""Cells without an oracle: your own generator, and a person's clicks.

A placeholder stands in for the oracle, and metrics that need one are left out. The remaining measures are in
``bench.evaluation.own_metrics``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, Dataset, Metric
from bench.errors import unknown
from bench.workspace.settings.names import require_feature_name

ORACLE = "an oracle"
LACKING = {
    **dict.fromkeys(("labels", "original_labels", "scores", "original_scores"), ORACLE),
    **dict.fromkeys(("attributes", "original_attributes"), ORACLE),
    **dict.fromkeys(("clicker_labels", "clicker_original_labels", "oracle_embeddings"), ORACLE),
    **dict.fromkeys(
        ("reference", "reference_retain", "reference_counterfactual", "reference_embeddings", "counterfactual_error"),
        "reference images",
    ),
}  # what each column of the evaluation needs
UNMET = {"oracle": ORACLE, "training_data": "training data"}  # what a method may need and clicks do not give


class NoOracle(Classifier):
    """A placeholder where a classifier is expected: every score is NaN, and no metric reads one."""

    def __init__(self, feature: str) -> None:
        super().__init__()
        self.attributes, self.cuts = (feature,), {feature: float("nan")}

    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        return np.full((len(images), len(attributes)), np.nan)


def require_feature(
    dataset: Dataset, name: str, feature: str, further: Sequence[str] = (), flag: str = "--feature"
) -> None:
    """Raise UsageError unless data set ``name`` has a feature, or ``further``; without an oracle, any name is one.

    ``flag``: where the feature was named.
    """
    if dataset.classifier is not None:
        known = (*dataset.features, *further)
        if feature not in known:
            raise unknown("feature", feature, known, f"{flag} (data set '{name}')")
    else:
        require_feature_name(feature, flag)


def why_skipped(needs: frozenset[str]) -> str | None:
    """Return why a method with these needs cannot run on clicks alone; None if it can."""
    unmet = [UNMET[need] for need in sorted(needs & UNMET.keys())]
    return f"needs {' and '.join(unmet)}; this run has only clicks" if unmet else None


def left_out(metrics: Mapping[str, Metric], *, judged: bool = False) -> dict[str, str]:
    """Return the metrics that cannot be computed, each with the reason; ``judged``: an oracle was named."""
    absent = {column: what for column, what in LACKING.items() if not (judged and what == ORACLE)}
    lacking = {name: sorted({absent[c] for c in metric.columns & absent.keys()}) for name, metric in metrics.items()}
    return {name: f"needs {' and '.join(what)}" for name, what in lacking.items() if what}
