"""Draw noise from a generator's prior: for the samples of a stream, or with a random generator."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.api.models import Generator
from bench.core import randomness


def stream_noise(generator: Generator, stream: str, start: int, stop: int) -> Tensor:
    """Draw the noise of samples ``start`` to ``stop - 1`` of a stream, (N, noise_dim) on the generator's device."""
    noise = randomness.draw(stream, range(start, stop), generator.noise_dim, generator.prior)
    return noise.to(next(generator.parameters()).device)


def noise_chunks(generator: Generator, stream: str, count: int) -> Iterator[tuple[Tensor, int]]:
    """Draw the noise of samples 0 to ``count - 1`` on the generator's device, as ``randomness.draw_chunks`` does."""
    device = next(generator.parameters()).device
    for noise, kept in randomness.draw_chunks(stream, count, generator.noise_dim, generator.prior):
        yield noise.to(device), kept


def draw_noise(generator: Generator, count: int, rng: torch.Generator) -> Tensor:
    """Draw noise from a generator's prior, (count, noise_dim) float32 on the device of ``rng``."""
    return randomness.noise((count, generator.noise_dim), generator.prior, rng)


def leaves_prior(generator: Generator, noise: Tensor) -> bool:
    """Say whether any noise (N, noise_dim) lies outside the support of the generator's prior."""
    return generator.prior == randomness.UNIFORM and bool((noise.abs() > 1).any())
