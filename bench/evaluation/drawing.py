"""Draw the same samples with the original and the unlearned generator; at once if that is in another process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from bench.api import Generator
from bench.api.noise import stream_noise
from bench.core import modes, randomness
from bench.core.rendering import chunks, to_uint8


class RemoteDrawing(nn.Module, ABC):
    """A generator of another process.

    Attributes
    ----------
    at_once : bool
        Whether it may draw while this process computes, each with half of the threads.
    """

    at_once: bool

    @abstractmethod
    def begin(self, noise: Tensor) -> Callable[[], Tensor]:
        """Start drawing from noise (N, noise_dim); the returned function waits for the images (N, C, H, W)."""


@dataclass(frozen=True)
class Pair:
    """An original and its unlearned copy, and the samples on which they are compared.

    Attributes
    ----------
    original : Generator
        f.
    unlearned : nn.Module
        g: noise (N, noise_dim) to images (N, C, H, W).
    count : int
        Samples; the last chunk is drawn whole, and what exceeds ``count`` is left out.
    same : bool
        Whether g is f (``unchanged``): then only f draws.
    stream : str
    """

    original: Generator
    unlearned: nn.Module
    count: int
    same: bool = False
    stream: str = randomness.EVALUATION


def drawn(pair: Pair, start: int, stop: int) -> tuple[list[Tensor], Tensor, Tensor]:
    """Draw samples ``start`` to ``stop - 1``, chunk by chunk.

    Parameters
    ----------
    pair : Pair
    start, stop : int

    Returns
    -------
    latents : list of (64, latent_dim) float32
        f's, by chunk.
    f_images, g_images : (N, C, H, W) uint8
    """
    chunk_latents, before, after = [], [], []
    original, unlearned, same = pair.original, pair.unlearned, pair.same
    other = unlearned if isinstance(unlearned, RemoteDrawing) and unlearned.at_once and not same else None
    with nullcontext() if other is None else modes.half_the_threads():
        for a, b in chunks(stop - start):
            noise = stream_noise(original, pair.stream, start + a, start + b)
            images_of = partial(unlearned, noise) if other is None else other.begin(noise)
            latents, images = original.sample(noise)
            chunk_latents.append(latents)
            before.append(to_uint8(images))
            after.append(before[-1] if same else to_uint8(images_of()))
    return chunk_latents, torch.cat(before), torch.cat(after)
