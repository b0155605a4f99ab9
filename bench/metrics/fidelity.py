"""Inception score and Frechet distances for every extractor, by torch-fidelity (Table 2).

``fid`` compares with the whole training set, as in the paper; ``fid_retain`` compares with the training set without
the target feature, since removing a feature changes ``fid`` by itself. ``isc_splits=1`` as in StudioGAN, which the
paper used (torch-fidelity's default is 10).
"""

from __future__ import annotations

import torch

from bench.api import Columns, Metric, Statistics, Value, hookimpl
from bench.toolkit.frechet import frechet_distance, statistics_of


class Fidelity(Metric):
    """``inception_score``, ``fid`` and ``fid_retain``, each ending in ``[X]`` for the extractor X."""

    columns = frozenset({"embeddings", "logits", "reference"})
    values = frozenset({"inception_score", "fid", "fid_retain"})
    per_extractor = True

    def compute(self, columns: Columns) -> dict[str, Value]:
        from torch_fidelity.metric_isc import isc_features_to_metric

        assert columns.embeddings is not None and columns.logits is not None and columns.reference is not None
        n = len(columns.embeddings)
        score = isc_features_to_metric(torch.from_numpy(columns.logits), splits=1)["inception_score_mean"]
        ours = statistics_of(columns.embeddings, "generated samples")
        values = {"inception_score": Value(score, n, higher_is_better=True), "fid": _distance(ours, columns.reference)}
        if columns.reference_retain is not None:
            values["fid_retain"] = _distance(ours, columns.reference_retain)
        return values


def _distance(ours: Statistics, reference: Statistics) -> Value:
    return Value(frechet_distance(ours, reference), ours.n, higher_is_better=False)


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(Fidelity)
