"""Class means of the shown latents, their standard errors, and shrinkage.

Memory does not grow with samples x latents: every pass draws the latents again, chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from bench.api import Generator, NoiseLatentGenerator, Params
from bench.api.base import EachOnce
from bench.api.feedback import Feedback
from bench.core.rendering import CHUNK, chunks
from bench.errors import UsageError

Array = NDArray[np.float64]

HELD = 2**27  # numbers held at once (float32, 512 MB); longer latents are drawn again in every pass
BLOCK = 2**23  # numbers converted to float64 at once (64 MB)
CONSTANT = 1e-10  # a latent's variance, relative to its mean square, below which it counts as 0 (rounding)


class LayerParams(Params):
    """Which latents a method reads and moves."""

    layers: Annotated[tuple[int, ...], EachOnce] = Field(
        (), description="layers of the latent to read and move, by resolution in px; default: all (VDVAE only)"
    )


class ShownLatents:
    """The latents of the shown samples, of all layers or of some.

    Parameters
    ----------
    generator : Generator
    feedback : Feedback
        N samples.
    resolutions : sequence of int
        Layers to read, by resolution in px; all latents if empty.
    held : bool
        Whether to hold the latents for the next pass, if they are at most ``HELD`` numbers.

    Attributes
    ----------
    columns : (D,) int64
        Which of the generator's latents are read.
    parts : list of slice
        Position of each layer among the D; one part if the generator has no layers.
    """

    def __init__(
        self, generator: Generator, feedback: Feedback, resolutions: Sequence[int] = (), held: bool = False
    ) -> None:
        self.generator, self.feedback = generator, feedback
        self.columns, self.parts = columns_of(generator, resolutions)
        self.held = held and len(feedback) * len(self.columns) <= HELD
        self._stored: list[NDArray[np.float32]] = []

    def __len__(self) -> int:
        return len(self.feedback)

    @torch.no_grad()
    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """Yield the latents (B, D) of consecutive samples."""
        if len(self._stored) == len(range(0, len(self), CHUNK)):
            yield from self._stored
            return
        drawn: list[NDArray[np.float32]] = []
        for latents in self._drawn():
            if self.held:
                drawn.append(latents)
            yield latents
        self._stored = drawn

    def _drawn(self) -> Iterator[NDArray[np.float32]]:
        everything = len(self.columns) == self.generator.latent_dim
        for latents in self._latents():
            yield latents.numpy() if everything else latents.numpy()[:, self.columns]

    def _latents(self) -> Iterator[Tensor]:
        if isinstance(self.generator, NoiseLatentGenerator):  # the noise is the latent, and nothing has to be computed
            shown = self.feedback.of(self.generator)
            for start, stop in chunks(len(self)):
                yield shown.noise(start, stop, self.generator.noise_dim)
        else:
            yield from (latents.cpu() for latents in self.feedback.latents(self.generator))

    def project(self, normal: Array) -> Array:
        """Project every sample on a normal (D,); (N,)."""
        return np.concatenate([sum(b @ normal[c] for c, b in blocks(chunk)) for chunk in self.chunks()])


def columns_of(generator: Generator, resolutions: Sequence[int]) -> tuple[NDArray[np.int64], list[slice]]:
    """Return which latents the layers of some resolutions hold (all if empty), and each layer's position among them.

    Parameters
    ----------
    generator : Generator
        If it has layers, ``latent_layers`` lists them.
    resolutions : sequence of int
        In px.

    Returns
    -------
    columns : (D,) int64
    parts : list of slice

    Raises
    ------
    UsageError
        If the generator has no layers, or none of a given resolution.
    """
    layers = generator.latent_layers
    known = {layer.resolution for layer in layers}
    if resolutions and not known:
        raise UsageError("-p layers: this generator's latent has no layers; leave the option out")
    if unknown := sorted(set(resolutions) - known):
        raise UsageError(
            f"-p layers: this generator has no layer of {', '.join(map(str, unknown))} px; "
            f"allowed: {', '.join(map(str, sorted(known)))}"
        )
    chosen = [layer for layer in layers if layer.resolution in (resolutions or known)]
    ranges = [np.arange(layer.start, layer.stop) for layer in chosen] or [np.arange(generator.latent_dim)]
    ends = np.cumsum([len(each) for each in ranges]).tolist()
    return np.concatenate(ranges), [slice(end - len(each), end) for end, each in zip(ends, ranges, strict=True)]


def blocks(chunk: NDArray[np.float32]) -> Iterator[tuple[slice, Array]]:
    """Yield consecutive columns of a chunk (B, D), as a slice and as float64 values."""
    width = max(1, BLOCK // len(chunk))
    for start in range(0, chunk.shape[1], width):
        columns = slice(start, start + width)
        yield columns, chunk[:, columns].astype(np.float64)


# --- class means --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    """Means and variances of N shown latents under K labellings.

    Attributes
    ----------
    labels : (K, N) bool
        Each row has positives and negatives.
    mean, variance : (D,) float64
        Over all samples.
    positive, negative : (K, D) float64
        Class means.
    """

    labels: NDArray[np.bool_]
    mean: Array
    variance: Array
    positive: Array
    negative: Array

    @property
    def differences(self) -> Array:
        """Mean of the positives minus mean of the negatives, (K, D): z_e."""
        return self.positive - self.negative

    def deviation(self, k: int) -> Array:
        """Return the pooled standard deviation within the classes of labelling k, (D,); 0 for a constant latent."""
        share = self.labels[k].mean()
        between = share * (1 - share) * (self.positive[k] - self.negative[k]) ** 2
        within = np.maximum(self.variance - between, CONSTANT * self.variance)
        return np.where(self.variance > CONSTANT * self.mean**2, np.sqrt(within), 0.0)

    def standard_error(self, k: int) -> Array:
        """Return the standard error of the difference of labelling k, (D,)."""
        positives, negatives = int(self.labels[k].sum()), int((~self.labels[k]).sum())
        return self.deviation(k) * float(np.sqrt(1 / positives + 1 / negatives))


def moments(latents: ShownLatents, labels: NDArray[np.bool_]) -> Moments:
    """Compute class means and variances in one pass over the latents; labels (K, N) bool."""
    count, dim = labels.shape[1], len(latents.columns)
    total, squares, positive = np.zeros(dim), np.zeros(dim), np.zeros((len(labels), dim))
    start = 0
    for chunk in latents.chunks():
        clicked = labels[:, start : start + len(chunk)].astype(np.float64)  # (K, B)
        for columns, block in blocks(chunk):
            total[columns] += block.sum(axis=0)
            squares[columns] += np.einsum("ij,ij->j", block, block)
            positive[:, columns] += clicked @ block
        start += len(chunk)
    positives = labels.sum(axis=1, keepdims=True)  # (K, 1)
    mean = total / count
    return Moments(
        labels=labels,
        mean=mean,
        variance=np.maximum(squares / count - mean**2, 0),
        positive=positive / positives,
        negative=(total - positive) / (count - positives),
    )


def shrunk(differences: Array, errors: Array, parts: Sequence[slice]) -> Array:
    """Soft-threshold differences (D,) of known standard errors (D,), part by part (SureShrink).

    Within a part, every difference moves towards 0 by ``threshold`` standard errors, but not past it. The threshold
    minimises Stein's unbiased estimate of the squared error (Donoho and Johnstone 1995, section 2).
    """
    t = np.divide(differences, errors, out=np.zeros_like(differences), where=errors > 0)
    for part in parts:
        size = np.abs(t[part])
        t[part] = np.sign(t[part]) * np.maximum(size - sure_threshold(size), 0)
    scaled: Array = t * errors
    return scaled


def sure_threshold(size: Array) -> float:
    """Return the soft threshold with the least estimated risk for absolute values (D,) in standard errors."""
    candidates = np.concatenate([[0.0], np.sort(size)])
    at_most = np.arange(len(candidates))  # how many values each candidate sets to 0
    risk = len(size) - 2 * at_most + np.cumsum(candidates**2) + (len(size) - at_most) * candidates**2
    return float(candidates[risk.argmin()])
