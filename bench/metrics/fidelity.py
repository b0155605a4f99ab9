"""Inception score and Frechet distances for every extractor (Table 2), and how much they differ from the original's.

``fid`` compares with the whole training set, as in the paper: it rewards what keeps the feature. ``fid_retain``
compares with the training set without the images that have the feature: it rewards losing all that goes with it, such
as the men with the beards. ``fid_counterfactual`` compares with the training set in which these images are redrawn
without the feature: the feature gone, everything else as it was. The inception score takes one split, as in StudioGAN,
which the paper used (torch-fidelity's default is 10). All are what torch-fidelity computes
(``tests/toolkit/test_estimates.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.api import Columns, Metric, Statistics, Value, hookimpl
from bench.toolkit.estimates import Estimate, change_of, frechet, inception_score, value_of

Array = NDArray[np.float32]
LEAST = {"inception_score": 1.0, "fid": 0.0, "fid_retain": 0.0, "fid_counterfactual": 0.0}


class Fidelity(Metric):
    """``inception_score``, ``fid``, ``fid_retain``, ``fid_counterfactual``, each ending in ``[X]`` for extractor X.

    The same with ``_change`` are the differences from the original. Their
    intervals are of pairs with the same noise, so they are narrower than those of the values.
    """

    columns = frozenset({"embeddings", "original_embeddings", "logits", "original_logits", "reference"})
    values = frozenset(name + suffix for name in LEAST for suffix in ("", "_change"))
    per_extractor = True

    def compute(self, columns: Columns) -> dict[str, Value]:
        references = {
            "fid": columns.reference,
            "fid_retain": columns.reference_retain,
            "fid_counterfactual": columns.reference_counterfactual,
        }
        now = _estimates(columns.embeddings, columns.logits, references)
        before = _estimates(columns.original_embeddings, columns.original_logits, references)
        values = {}
        for name, estimate in now.items():
            better = name == "inception_score"  # higher
            values[name] = value_of(estimate, higher_is_better=better, least=LEAST[name])
            values[f"{name}_change"] = change_of(estimate, before[name], higher_is_better=better)
        return values


def _estimates(
    embeddings: Array | None, logits: Array | None, references: dict[str, Statistics | None]
) -> dict[str, Estimate]:
    assert embeddings is not None and logits is not None
    distances = {name: frechet(embeddings, r) for name, r in references.items() if r is not None}
    return {"inception_score": inception_score(logits), **distances}


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(Fidelity)
