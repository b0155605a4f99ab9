"""The training images' statistics and embeddings from one extractor, with which samples are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.api import Statistics

EMBEDDINGS = 5000  # training images whose embeddings are kept


@dataclass(frozen=True)
class Reference:
    """The training set, as an extractor sees it.

    Attributes
    ----------
    whole, retain, counterfactual : Statistics or None
        Of all training images, of those without the target feature, and of all where those that have it are redrawn
        without it.
    embeddings : (M, D) float32 or None
        Of up to 5,000 training images, evenly spaced.
    oracle : (M, D) float32 or None
        The same of the images that the judge learnt from.
    """

    whole: Statistics | None = None
    retain: Statistics | None = None
    embeddings: NDArray[np.float32] | None = None
    counterfactual: Statistics | None = None
    oracle: NDArray[np.float32] | None = None


def evenly(count: int) -> NDArray[np.int64]:
    """Return the indices, among ``count`` training images, of those whose embeddings are kept."""
    return np.linspace(0, count - 1, min(count, EMBEDDINGS)).astype(np.int64)
