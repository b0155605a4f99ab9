"""Do two oracles agree? The paper's protocol, in which the oracle that clicks also judges, and the doubt it leaves."""

from __future__ import annotations

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import kappa, wilson


class Agreement(Metric):
    """The target ratio by the oracle that clicked, and how far it agrees with the judge.

    ``clicker_target_ratio`` and ``original_clicker_target_ratio`` are what the paper counts: it clicks and judges with
    one classifier. ``oracle_disagreement`` is the share of the original's samples that the two label differently;
    ``oracle_kappa`` is Cohen's kappa of these labels: 1 is full agreement, 0 is that of chance. Below 0.8 the oracles
    see too differently for a ratio to be read without its judge's name: the samples look unlike what they learnt from.
    Wilson's intervals of shares; kappa's is its large-sample one.
    """

    columns = frozenset({"labels", "original_labels", "clicker_labels", "clicker_original_labels"})
    values = frozenset({"clicker_target_ratio", "original_clicker_target_ratio", "oracle_disagreement", "oracle_kappa"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        clicked, before = columns.clicker_labels, columns.clicker_original_labels
        assert clicked is not None and before is not None
        n = len(before)
        shares = {
            "clicker_target_ratio": (int(clicked.sum()), False),
            "original_clicker_target_ratio": (int(before.sum()), False),
            "oracle_disagreement": (int((before != columns.original_labels).sum()), None),
        }
        values = {name: Value(k / n, n, better, *wilson(k, n)) for name, (k, better) in shares.items()}
        found = kappa(before, columns.original_labels)
        return values if found is None else values | {"oracle_kappa": Value(found[0], n, None, *found[1:])}


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(Agreement)
