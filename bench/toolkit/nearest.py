"""How far embeddings lie from known ones: distances to the nearest, and how many are farther than known ones are.

References
----------
Sun, Ming, Zhu, Li: *Out-of-distribution detection with deep nearest neighbors*, ICML 2022, arXiv 2204.06507: a sample
is far if its distance to the k-th nearest known one exceeds that of 95 % of what belongs to these. Here k is 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

QUANTILE = 0.95  # of known ones that count as near
ROWS = 1000  # distances computed at once


def far(embeddings: NDArray[np.floating], known: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Say which embeddings (N, D) lie farther from the nearest known one (M, D) than 95 % of these from another."""
    limit = np.quantile(nearest(known, known, others=True), QUANTILE)
    found: NDArray[np.bool_] = nearest(embeddings, known) > limit
    return found


def nearest(
    embeddings: NDArray[np.floating], known: NDArray[np.floating], *, others: bool = False
) -> NDArray[np.float64]:
    """Return the Euclidean distance of each embedding (N, D) to the nearest known one (M, D).

    ``others``: row i of both is the same, and its distance is that to the nearest other one.
    """
    centre = known.mean(axis=0, dtype=np.float64)  # keeps what is subtracted below small
    a, b = embeddings - centre, known - centre
    lengths = np.square(b).sum(axis=1)
    parts = []
    for start in range(0, len(a), ROWS):
        rows = a[start : start + ROWS]
        squares = np.square(rows).sum(axis=1)[:, None] + lengths - 2 * rows @ b.T
        if others:
            squares[np.arange(len(rows)), start + np.arange(len(rows))] = np.inf
        parts.append(squares.min(axis=1))
    found: NDArray[np.float64] = np.sqrt(np.maximum(np.concatenate(parts), 0.0))
    return found
