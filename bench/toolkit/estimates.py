"""Frechet distance, kernel distance and inception score with their sampling errors, from influence functions.

The influence of a sample is the first-order growth of the value as the sample's weight increases. The standard error
follows from the spread of the influences (the infinitesimal jackknife) and needs no resampling. For two sets made from
the same noise, or from the same pictures, the influences of the pairs nearly cancel: the error of the *difference* is
much smaller than that of either value.

What is compared with is held fixed: the errors are those of the samples. They do not cover the bias of a Frechet
distance, which is larger than the true one for finite samples; two sets of one size share most of it. Where the true
distance is 0 the first order vanishes, and the error errs upwards (by up to a factor of 1.4). How often the intervals
hold was counted: ``benchmarks/interval_coverage.py``.

References
----------
Efron: *The jackknife, the bootstrap and other resampling plans*, SIAM 1982, chapter 6 (influence and standard error).
Binkowski, Sutherland, Arbel, Gretton: *Demystifying MMD GANs*, ICLR 2018, arXiv 1801.01401 (the kernel distance).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.api import Statistics, Value
from bench.toolkit.intervals import Z95

Array = NDArray[np.float64]
PAIRED = "samples, in pairs of the same noise"  # what the interval of a change covers
ROWS = 200  # kernel rows computed at once: few, so that they stay in the processor's cache
NULL = 1e-10  # eigenvalues below this share of the largest are rounding errors


@dataclass(frozen=True)
class Estimate:
    """A number computed from N samples.

    Attributes
    ----------
    value : float
    influence : (N,) float64
        Sums to 0.
    sources : (N,) int64
        What each sample was made from; samples with the same source are not independent.
    """

    value: float
    influence: Array
    sources: NDArray[np.int64]

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval of the value."""
        return Z95 * float(np.sqrt(np.square(_by_source([(self, 1.0)])).sum()))


def half_width_of_difference(a: Estimate, b: Estimate) -> float:
    """Return half of the 95 % interval of ``a.value - b.value``; samples with the same source are paired."""
    return Z95 * float(np.sqrt(np.square(_by_source([(a, 1.0), (b, -1.0)])).sum()))


def value_of(now: Estimate, *, higher_is_better: bool, least: float = -np.inf) -> Value:
    """Return a metric's value with its 95 % interval, which does not fall below ``least``."""
    half = now.half_width
    return Value(now.value, len(now.influence), higher_is_better, max(least, now.value - half), now.value + half)


def change_of(now: Estimate, before: Estimate, *, higher_is_better: bool) -> Value:
    """Return by how much a value changed, with the 95 % interval of the change; sample i of both has the same noise."""
    change, half = now.value - before.value, half_width_of_difference(now, before)
    return Value(change, len(now.influence), higher_is_better, change - half, change + half, PAIRED)


def _by_source(weighted: list[tuple[Estimate, float]]) -> Array:
    """Return by how much each source moves the weighted sum of values."""
    sources = np.concatenate([estimate.sources for estimate, _ in weighted])
    moves = np.concatenate([weight * e.influence / len(e.influence) for e, weight in weighted])
    return np.bincount(np.unique(sources, return_inverse=True)[1], moves).astype(np.float64)


def _estimate(value: float, influence: Array, sources: NDArray[np.int64] | None) -> Estimate:
    own = np.arange(len(influence)) if sources is None else sources
    return Estimate(value, influence - influence.mean(), own)


def mean(values: NDArray[np.floating], sources: NDArray[np.int64] | None = None) -> Estimate:
    """Return the mean of N numbers."""
    return _estimate(float(values.mean()), values - values.mean(), sources)


def frechet(
    embeddings: NDArray[np.floating], reference: Statistics, sources: NDArray[np.int64] | None = None
) -> Estimate:
    """Return the Frechet distance of embeddings (N, D) from a reference, as ``frechet_distance`` does.

    Its derivative by our covariance is the identity less the optimal transport map between the two Gaussians.
    """
    x = embeddings.astype(np.float64)
    centred, gap = x - x.mean(0), x.mean(0) - reference.mean
    covariance = centred.T @ centred / (len(x) - 1)
    root = _root(reference.covariance)
    values, vectors = np.linalg.eigh(root @ covariance @ root)
    roots = np.sqrt(values.clip(min=0))
    inverse = np.divide(1, roots, out=np.zeros_like(roots), where=values > NULL * values[-1])
    half = root @ (vectors * np.sqrt(inverse))
    value = gap @ gap + np.trace(covariance) + np.trace(reference.covariance) - 2 * roots.sum()
    influence = 2 * centred @ gap + np.square(centred).sum(1) - np.square(centred @ half).sum(1)
    return _estimate(float(value), influence, sources)


def _root(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    root: Array = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root


@dataclass(frozen=True)
class KernelReference:
    """The reference of the kernel distance: M embeddings, (M, D), and the mean kernel between two different ones."""

    embeddings: Array
    within: float


def kernel_reference(embeddings: NDArray[np.floating]) -> KernelReference:
    """Prepare embeddings (M, D) for ``kernel_distance``; this takes longer than the distance."""
    y = embeddings.astype(np.float64)
    return KernelReference(y, float((_kernel_sums_within(y) - _kernel_at_itself(y)).mean() / (len(y) - 1)))


def kernel_distance(
    embeddings: NDArray[np.floating], reference: KernelReference, sources: NDArray[np.int64] | None = None
) -> Estimate:
    """Return the unbiased squared MMD of embeddings (N, D) for the kernel ``(x.y / D + 1)**3`` (KID)."""
    x = embeddings.astype(np.float64)
    own = (_kernel_sums_within(x) - _kernel_at_itself(x)) / (len(x) - 1)  # (N,)
    across = _kernel_sums(x, reference.embeddings) / len(reference.embeddings)
    value = float(own.mean() + reference.within - 2 * across.mean())
    return _estimate(value, 2 * (own - across), sources)


def _kernel_sums(x: Array, y: Array) -> Array:
    return np.concatenate([_kernel(x[i : i + ROWS], y).sum(1) for i in range(0, len(x), ROWS)])


def _kernel_sums_within(x: Array) -> Array:
    # the kernel is symmetric: half of its blocks are enough
    sums = np.zeros(len(x))
    for i in range(0, len(x), ROWS):
        for j in range(i, len(x), ROWS):
            block = _kernel(x[i : i + ROWS], x[j : j + ROWS])
            sums[i : i + ROWS] += block.sum(1)
            if j > i:
                sums[j : j + ROWS] += block.sum(0)
    return sums


def _kernel(x: Array, y: Array) -> Array:
    linear = x @ y.T / x.shape[1] + 1
    cubes: Array = np.square(linear)
    cubes *= linear  # numpy's ** 3 takes twice as long
    return cubes


def _kernel_at_itself(x: Array) -> Array:
    at: Array = (np.square(x).mean(1) + 1) ** 3
    return at


def inception_score(logits: NDArray[np.floating], sources: NDArray[np.int64] | None = None) -> Estimate:
    """Return the inception score of logits (N, K), in one split."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    p = np.exp(log_p)
    divergence = (p * (log_p - np.log(p.mean(0)))).sum(1)  # (N,); from the mean of all
    value = float(np.exp(divergence.mean()))
    return _estimate(value, value * divergence, sources)
