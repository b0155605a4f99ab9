"""A cache of an original's samples and their descriptions, for the next ``bench.evaluate`` of the same original.

It is kept as long as the generator itself. Every call draws and describes the first chunk again, and starts anew unless
both are what they were: weights, code, hooks, device or judge may have changed since.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from bench.api import Generator, NoiseLatentGenerator, Wrapped
from bench.api.noise import stream_noise
from bench.core import randomness
from bench.core.rendering import CHUNK, to_float, to_uint8, whole
from bench.evaluation.described import Described, Observers
from bench.workspace.weights.checkpoint import content_sha256, state_of

BYTES = 2**28  # what is kept of the pictures and latents of one generator, at most
Drawn = dict[bytes, tuple[Tensor | None, Tensor]]  # by noise: latents, unless they are the noise, and uint8 images


@dataclass
class Seen:
    """The cached samples of one generator, and their descriptions by the judge's name."""

    weights: str
    drawn: Drawn = field(default_factory=dict)
    described: dict[str, Described] = field(default_factory=dict)


_SEEN: WeakKeyDictionary[Generator, Seen] = WeakKeyDictionary()


class Remembering(Wrapped):
    """A generator that draws the same noise only once; its images are rounded to 8 bits, as for every judge."""

    def __init__(self, original: Generator, drawn: Drawn) -> None:
        super().__init__(original)
        self.drawn = drawn

    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        key = noise.cpu().numpy().tobytes()
        if key not in self.drawn:
            latents, images = self.original.sample(noise)
            own = None if isinstance(self.original, NoiseLatentGenerator) else latents.cpu()
            self.drawn[key] = own, to_uint8(images)
        own, pictures = self.drawn[key]
        return noise if own is None else own.to(noise.device), to_float(pictures).to(noise.device)

    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:
        return self.original.decode(latents, noise)


@torch.no_grad()
def remembered(original: Generator, judge: str, observers: Observers, count: int) -> tuple[Generator, Described | None]:
    """Return a generator to evaluate against, and the cached descriptions of ``count`` of its samples.

    Parameters
    ----------
    original : Generator
    judge : str
        Names who looks at the images: classifier, weights, extractors.
    observers : Observers
    count : int
    """
    if not _fits(original, count):
        return original, None
    weights = content_sha256("", "", {}, state_of({"generator": original}))
    kept = _SEEN.setdefault(original, Seen(weights))
    noise = stream_noise(original, randomness.EVALUATION, 0, CHUNK)
    pictures = to_uint8(original.sample(noise)[1])
    before = kept.drawn.get(noise.cpu().numpy().tobytes())
    if kept.weights != weights or (before is not None and not torch.equal(before[1], pictures)):
        kept = _SEEN[original] = Seen(weights)
    described = kept.described.get(judge)
    if described is not None and not _equal(described.rows(0, CHUNK), observers.look(pictures)):
        del kept.described[judge]
        described = None
    if described is not None and len(described.scores) < whole(count):
        described = None
    return Remembering(original, kept.drawn), described


def remember(original: Generator, judge: str, described: Described | None) -> None:
    """Cache the descriptions of a generator's samples, if its samples are cached and no more are described there."""
    if original in _SEEN and described is not None:
        before = _SEEN[original].described.get(judge)
        if before is None or len(before.scores) <= len(described.scores):
            _SEEN[original].described[judge] = described


def _fits(original: Generator, count: int) -> bool:
    latents = 0 if isinstance(original, NoiseLatentGenerator) else 4 * original.latent_dim
    return whole(count) * (prod(original.image_shape) + latents + 4 * original.noise_dim) <= BYTES


def _equal(first: Described, second: Described) -> bool:
    mine, others = first.arrays(), second.arrays()
    return mine.keys() == others.keys() and all(np.array_equal(mine[n], others[n], equal_nan=True) for n in mine)
