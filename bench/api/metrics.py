"""Metrics: pure functions of the columns, and optionally the images, of one pass over the evaluation samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor


@dataclass(frozen=True)
class Value:
    """One number of a metric.

    Attributes
    ----------
    value : float
    n : int
        Number of samples it is computed from.
    higher_is_better : bool or None
        None where neither direction is better by itself.
    low, high : float or None
        95 % interval, if the metric has one.
    covers : str
        What varies in the interval: by default which samples were drawn, for given weights, clicks and reference.
    """

    value: float
    n: int
    higher_is_better: bool | None
    low: float | None = None
    high: float | None = None
    covers: str = "samples"


@dataclass(frozen=True)
class Statistics:
    """First two moments of a distribution of embeddings, for the Frechet distance.

    Attributes
    ----------
    mean : (D,) float64
    covariance : (D, D) float64
    n : int
    source : str
        The data and the extractor that they come from.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int
    source: str


@dataclass(frozen=True)
class Columns:
    """The columns that one pass over the evaluation samples collects; row i is sample i.

    From the same noise, the evaluated generator draws the image g_i and the original the image f_i (``original_*``).

    Attributes
    ----------
    labels, original_labels : (N,) bool
        The judge's labels; True if the image has the feature.
    scores, original_scores : (N,) float64
        The judge's scores.
    clicker_labels, clicker_original_labels : (N,) bool or None
        The labels of the oracle that clicked; None if it is also the judge, or if a person clicked.
    identifier_scores : (N,) float64 or None
        The identifier's scores of the original's latents; None if the method has no identifier.
    flagged : (N,) bool or None
        The method's own decision: the identifier's score reaches its threshold. None if it has no threshold.
    pixel_change : (N,) float64
        Mean |g_i - f_i| over the pixels of an image, for 8-bit images scaled to [0, 1].
    counterfactual_error : (N, 2) float64 or None
        The same mean between g_i and f_i without the feature, as two summands: pixels where the feature can be, and all
        others. NaN where f_i does not have the feature; None if the data set cannot redraw images without it.
    attributes, original_attributes : DataFrame of bool, N rows
        The non-target attributes.
    extractor : str or None
        The extractor that the fields below come from, for a metric with ``per_extractor``.
    embeddings, original_embeddings : (N, D) float32 or None
    logits, original_logits : (N, K) float32 or None
    reference, reference_retain, reference_counterfactual : Statistics or None
        Of the whole training set, of the training set without the images that have the target feature, and of the
        training set in which these are redrawn without it.
    reference_embeddings : (M, D) float32 or None
        Of up to 5,000 training images, evenly spaced over the whole training set.
    oracle_embeddings : (M, D) float32 or None
        The same of the images that the judge learnt from.
    looked : (N, ...) or None
        What this metric's own ``look`` returned, in the order of the samples.
    """

    labels: NDArray[np.bool_]
    original_labels: NDArray[np.bool_]
    scores: NDArray[np.float64]
    original_scores: NDArray[np.float64]
    identifier_scores: NDArray[np.float64] | None
    pixel_change: NDArray[np.float64]
    attributes: pd.DataFrame
    original_attributes: pd.DataFrame
    flagged: NDArray[np.bool_] | None = None
    clicker_labels: NDArray[np.bool_] | None = None
    clicker_original_labels: NDArray[np.bool_] | None = None
    counterfactual_error: NDArray[np.float64] | None = None
    extractor: str | None = None
    embeddings: NDArray[np.float32] | None = None
    original_embeddings: NDArray[np.float32] | None = None
    logits: NDArray[np.float32] | None = None
    original_logits: NDArray[np.float32] | None = None
    reference: Statistics | None = None
    reference_retain: Statistics | None = None
    reference_counterfactual: Statistics | None = None
    reference_embeddings: NDArray[np.float32] | None = None
    oracle_embeddings: NDArray[np.float32] | None = None
    looked: NDArray[Any] | None = None


class Metric(ABC):
    """A pure function of columns; one that overrides ``look`` sees the images too.

    Attributes
    ----------
    columns : frozenset of str
        Fields of ``Columns`` that it reads. If one of them is None, the metric is skipped, with the reason.
    per_extractor : bool
        Whether it is computed once per extractor X; the names of its values then end in ``[X]``.
    values : frozenset of str
        The names of its values, without anything in brackets. No other metric may use them. By default they become
        known when it is computed.
    """

    columns: ClassVar[frozenset[str]]
    per_extractor: ClassVar[bool] = False
    values: ClassVar[frozenset[str]] = frozenset()

    def look(self, original_images: Tensor, images: Tensor) -> Tensor | NDArray[Any]:
        """Look at a batch of images; ``compute`` reads the results of all batches from ``columns.looked``.

        It is called with all evaluation samples in their order, 64 at a time. What it returns for a sample must depend
        on that sample alone.

        Parameters
        ----------
        original_images, images : (B, C, H, W) uint8
            The original's and the evaluated generator's images of the same noise. Do not change them.

        Returns
        -------
        (B, ...)
            A row per sample. All rows are held at once: 10,000 small images fit, 10,000 large ones may not.
        """
        raise NotImplementedError

    @classmethod
    def looks(cls) -> bool:
        """Return whether the metric looks at images."""
        return cls.look is not Metric.look

    @abstractmethod
    def compute(self, columns: Columns) -> dict[str, Value]:
        """Return values by name, without the extractor's suffix; empty if not defined on these samples."""
