"""Is the oracle fit for this generator? How many samples lie far from the images that the judge learnt from."""

from __future__ import annotations

from bench.api import Columns, Metric, Value, hookimpl
from bench.toolkit.intervals import wilson
from bench.toolkit.nearest import far

COUNT = 2000  # samples that are compared; more would take longer than unlearning on MNIST


class OracleFar(Metric):
    """``oracle_far`` and ``original_oracle_far``, ending in ``[X]`` for the extractor X.

    The share of samples whose embedding is farther from the nearest training image of the judge than 95 % of these
    images are from each other: about 0.05 for images like those. Of an oracle that measures, and learnt from nothing,
    the images are the data set's. Up to 5,000 training images and the first 2,000 samples are compared. Wilson's
    interval. How an oracle errs on images that are far: ``docs/results/judge-distance.md``.
    """

    columns = frozenset({"embeddings", "original_embeddings", "oracle_embeddings"})
    values = frozenset({"oracle_far", "original_oracle_far"})
    per_extractor = True

    def compute(self, columns: Columns) -> dict[str, Value]:
        assert columns.oracle_embeddings is not None
        values = {}
        for name, seen in (("oracle_far", columns.embeddings), ("original_oracle_far", columns.original_embeddings)):
            assert seen is not None
            found = far(seen[:COUNT], columns.oracle_embeddings)
            k, n = int(found.sum()), len(found)
            values[name] = Value(k / n, n, None, *wilson(k, n))
        return values


@hookimpl
def register_metrics(register):  # type: ignore[no-untyped-def]
    register(OracleFar)
