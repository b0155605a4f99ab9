"""Linear classifiers as directions, fitted on the latents of the shown samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.rendering import CHUNK
from bench.errors import UsageError
from bench.toolkit.moments import Array, ShownLatents

LIMIT = 50_000_000  # samples x latents (float64, 400 MB) up to which a classifier is fitted


def logistic_regression(penalty: float) -> Any:
    """Make scikit-learn's L2-regularised logistic regression, classes balanced; ``penalty`` is its C."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, class_weight="balanced", max_iter=1000)


def classifier_normals(latents: ShownLatents, factor: Array, labels: NDArray[np.bool_], classifier: Any) -> Array:
    """Fit a linear classifier per labelling on latents * factor; return the normals (K, D).

    Parameters
    ----------
    latents : ShownLatents
    factor : (D,) float64
    labels : (K, N) bool
    classifier : scikit-learn classifier
        Linear: it has ``fit`` and then ``coef_``.

    Raises
    ------
    UsageError
        If samples x latents are more than ``LIMIT``.
    """
    count, dim = len(latents), len(latents.columns)
    if count * dim > LIMIT:
        raise UsageError(
            f"-p direction: a classifier of {count} samples with {dim} latents each would fill the memory. "
            f"Show at most {LIMIT // dim} samples (--set feedback.count={LIMIT // dim}), read fewer layers of the "
            "latent (-p layers=...), or use -p direction=mean_difference, which has no such limit"
        )
    samples = np.empty((count, dim))
    for start, chunk in zip(range(0, count, CHUNK), latents.chunks(), strict=True):
        samples[start : start + CHUNK] = chunk * factor
    return np.stack([classifier.fit(samples, row).coef_[0] for row in labels])
