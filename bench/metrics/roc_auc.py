"""How well the method's identifier finds the feature: its ROC-AUC against the judge (Table 3)."""

from __future__ import annotations

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import auc_delong


class RocAuc(Metric):
    """``roc_auc`` of the identifier on the original's latents; skipped if the method has no identifier."""

    columns = frozenset({"identifier_scores", "original_labels"})
    values = frozenset({"roc_auc"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        assert columns.identifier_scores is not None
        labels = columns.original_labels
        if labels.all() or not labels.any():
            return {}
        auc, low, high = auc_delong(columns.identifier_scores[labels], columns.identifier_scores[~labels])
        return {"roc_auc": Value(auc, len(labels), higher_is_better=True, low=low, high=high)}


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(RocAuc)
