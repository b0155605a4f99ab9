"""Metrics: pure functions of what one pass over the evaluation samples gathered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Value:
    """One number of a metric.

    Attributes
    ----------
    value : float
    n : int
        Samples behind it.
    higher_is_better : bool or None
        None where neither direction is better by itself.
    low, high : float or None
        95 % interval over samples, where the metric has one.
    """

    value: float
    n: int
    higher_is_better: bool | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Statistics:
    """First two moments of a distribution of embeddings, for the Frechet distance.

    Attributes
    ----------
    mean : (D,) float64
    covariance : (D, D) float64
    n : int
    source : str
        Which data and which extractor made them.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int
    source: str


@dataclass(frozen=True)
class Columns:
    """What one pass over the evaluation samples gathered, in sample order; row i is sample i.

    Images g(noise_i) of the evaluated generator stand beside f(noise_i) of the original (``original_*``).

    Attributes
    ----------
    labels, original_labels : (N,) bool
        What the oracle says.
    scores, original_scores : (N,) float64
        The oracle's score.
    identifier_scores : (N,) float64 or None
        What the method's identifier gives the original's latents; None if it has no identifier.
    pixel_change : (N,) float64
        mean |g - f| over the pixels of image i, of 8-bit images scaled to [0, 1].
    counterfactual_error : (N, 2) float64 or None
        Likewise from g's image to f's image without the feature: the share of that mean where the feature can be, and
        the share elsewhere. NaN where the oracle saw none in f's image, None if the data set cannot tell.
    attributes, original_attributes : DataFrame of bool, N rows
        The non-target attributes.
    extractor : str or None
        The extractor that the following belong to, for a metric with ``per_extractor``.
    embeddings, original_embeddings : (N, D) float32 or None
    logits, original_logits : (N, K) float32 or None
    reference, reference_retain : Statistics or None
        Of the whole training set, and of it without the target feature.
    """

    labels: NDArray[np.bool_]
    original_labels: NDArray[np.bool_]
    scores: NDArray[np.float64]
    original_scores: NDArray[np.float64]
    identifier_scores: NDArray[np.float64] | None
    pixel_change: NDArray[np.float64]
    attributes: pd.DataFrame
    original_attributes: pd.DataFrame
    counterfactual_error: NDArray[np.float64] | None = None
    extractor: str | None = None
    embeddings: NDArray[np.float32] | None = None
    original_embeddings: NDArray[np.float32] | None = None
    logits: NDArray[np.float32] | None = None
    original_logits: NDArray[np.float32] | None = None
    reference: Statistics | None = None
    reference_retain: Statistics | None = None


class Metric(ABC):
    """A pure function of columns.

    Attributes
    ----------
    columns : frozenset of str
        Fields of ``Columns`` it reads. Where one of them is None, the metric is skipped and says so.
    per_extractor : bool
        True to be computed once per extractor X; its value names then end in ``[X]``.
    """

    columns: ClassVar[frozenset[str]]
    per_extractor: ClassVar[bool] = False

    @abstractmethod
    def compute(self, columns: Columns) -> dict[str, Value]:
        """Compute the values, by name (without the extractor's suffix)."""
