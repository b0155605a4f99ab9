"""Linear classifiers as directions, fitted on the latents where they are few, else on their Gram matrix."""

from __future__ import annotations

from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.core.rendering import CHUNK
from bench.errors import UsageError
from bench.toolkit.moments import HELD, Array, ShownLatents, blocks

FITTED_LIMIT = 50_000_000  # samples x latents (float64, 400 MB) up to which a classifier is fitted on the latents
GRAM_LIMIT = 10_000  # samples up to which it is otherwise fitted on their Gram matrix (float64, 800 MB)
RIDGE = 1e-10  # added to the Gram matrix's diagonal, relative to its mean, so that equal samples do no harm


def linear_classifier(kind: Literal["logistic", "svm"], penalty: float) -> Any:
    """Make an L2-regularised linear classifier of scikit-learn, classes balanced; ``penalty`` is its C."""
    if kind == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=penalty, class_weight="balanced", max_iter=1000)
    from sklearn.svm import LinearSVC

    return LinearSVC(C=penalty, class_weight="balanced", dual=False, max_iter=5000)


def classifier_normals(latents: ShownLatents, factor: Array, labels: NDArray[np.bool_], classifier: Any) -> Array:
    """Fit a linear classifier per labelling on latents * factor; return the normals (K, D).

    Parameters
    ----------
    latents : ShownLatents
    factor : (D,) float64
    labels : (K, N) bool
    classifier : scikit-learn classifier
        Linear, L2-regularised and otherwise a function of inner products alone. Its normal then lies in the span of
        the samples, and the rows of the Gram matrix's Cholesky factor, which have the same inner products in N
        dimensions, give the same classifier (the representer theorem).

    Raises
    ------
    UsageError
        If samples are too many for the Gram matrix and latents too many to be held.
    """
    if len(latents) * len(latents.columns) <= FITTED_LIMIT:
        samples = np.empty((len(latents), len(latents.columns)))  # (N, D)
        for start, chunk in zip(range(0, len(latents), CHUNK), latents.chunks(), strict=True):
            samples[start : start + CHUNK] = chunk * factor
        return np.stack([classifier.fit(samples, row).coef_[0] for row in labels])
    if len(latents) > GRAM_LIMIT:
        raise UsageError(
            f"-p direction: a classifier of {len(latents)} samples with {len(latents.columns)} latents each would fill "
            f"the memory; show at most {GRAM_LIMIT} (--set feedback.count={GRAM_LIMIT}) or use "
            "-p direction=mean_difference, which is streamed"
        )
    from scipy.linalg import solve_triangular

    gram = gram_matrix(latents, factor)
    gram[np.diag_indices_from(gram)] += RIDGE * gram.diagonal().mean()
    rows = np.linalg.cholesky(gram)  # (N, N)
    del gram
    normals = np.stack([classifier.fit(rows, row).coef_[0] for row in labels])  # (K, N), in the factor's coordinates
    weights = solve_triangular(rows, normals.T, trans="T", lower=True).T  # (K, N): samples' weights in the normals
    return latents.combine(weights) * factor


def gram_matrix(latents: ShownLatents, factor: Array) -> Array:
    """Inner products of latents * factor, (N, N) float64; as many samples are held as ``HELD`` allows."""
    count = len(latents)
    gram = np.empty((count, count))
    chunks_held = max(1, HELD // len(latents.columns) // CHUNK)
    start = 0
    while start < count:
        stream = latents.chunks(start)
        held = np.concatenate(list(islice(stream, chunks_held)))
        rows = slice(start, start + len(held))
        gram[rows, rows] = _inner(held, held, factor)
        start += len(held)
        at = start
        for chunk in stream:
            gram[rows, at : at + len(chunk)] = _inner(held, chunk, factor)
            gram[at : at + len(chunk), rows] = gram[rows, at : at + len(chunk)].T
            at += len(chunk)
    return gram


def _inner(a: NDArray[np.float32], b: NDArray[np.float32], factor: Array) -> Array:
    product = np.zeros((len(a), len(b)))
    for columns, block in blocks(a):
        product += block @ (b[:, columns] * factor[columns] ** 2).T
    return product
