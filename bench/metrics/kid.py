"""Kernel distance (KID) for every extractor, and how much it differs from the original's.

Unlike the Frechet distance it has no bias at small samples, and it does not take the embeddings for Gaussian. All
samples are compared with 5,000 training images at once, so unlike torch-fidelity's it does not depend on how subsets
are drawn.

References
----------
Binkowski, Sutherland, Arbel, Gretton: *Demystifying MMD GANs*, ICLR 2018, arXiv 1801.01401, Eq. 3 and section 4.
"""

from __future__ import annotations

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.estimates import change_of, kernel_distance, kernel_reference, value_of


class KID(Metric):
    """``kid``, ending in ``[X]`` for the extractor X, and ``kid_change``, its difference from the original's."""

    columns = frozenset({"embeddings", "original_embeddings", "reference_embeddings"})
    values = frozenset({"kid", "kid_change"})
    per_extractor = True

    def compute(self, columns: Columns) -> dict[str, Value]:
        assert columns.embeddings is not None and columns.original_embeddings is not None
        assert columns.reference_embeddings is not None
        reference = kernel_reference(columns.reference_embeddings)
        now = kernel_distance(columns.embeddings, reference)
        before = kernel_distance(columns.original_embeddings, reference)
        return {
            "kid": value_of(now, higher_is_better=False),
            "kid_change": change_of(now, before, higher_is_better=False),
        }


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(KID)
