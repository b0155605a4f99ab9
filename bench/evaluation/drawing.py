"""Draw the same samples with the original and the unlearned generator; at once if that is in another process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from bench.api import Generator
from bench.api.noise import stream_noise
from bench.core import modes
from bench.core.rendering import chunks, to_uint8


class Elsewhere(nn.Module, ABC):
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


def drawn(
    original: Generator, unlearned: nn.Module, stream: str, start: int, stop: int, same: bool
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Draw samples ``start`` to ``stop - 1`` of a stream, chunk by chunk.

    Parameters
    ----------
    original : Generator
        f.
    unlearned : nn.Module
        g: noise (N, noise_dim) to images.
    stream : str
    start, stop : int
    same : bool
        Whether g is f: then only f draws.

    Returns
    -------
    latents : list of (64, latent_dim) float32
        f's, by chunk.
    f_images, g_images : (N, C, H, W) uint8
    """
    chunk_latents, before, after = [], [], []
    other = unlearned if isinstance(unlearned, Elsewhere) and unlearned.at_once and not same else None
    with nullcontext() if other is None else modes.half_the_threads():
        for a, b in chunks(stop - start):
            noise = stream_noise(original, stream, start + a, start + b)
            images_of = partial(unlearned, noise) if other is None else other.begin(noise)
            latents, images = original.sample(noise)
            chunk_latents.append(latents)
            before.append(to_uint8(images))
            after.append(before[-1] if same else to_uint8(images_of()))
    return chunk_latents, torch.cat(before), torch.cat(after)
