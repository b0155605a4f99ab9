"""Every random number by name: sample i of stream s is drawn from the first 8 bytes of sha256("s:i")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

import torch
from torch import Tensor

from bench.core.rendering import CHUNK, chunks

EVALUATION = "evaluation"
NORMAL, UNIFORM = "normal", "uniform"
PRIORS = (NORMAL, UNIFORM)


def seed_of(stream: str, index: int) -> int:
    """Return the 63-bit seed of one sample of a stream."""
    return int.from_bytes(sha256(f"{stream}:{index}".encode()).digest()[:8], "big") >> 1


def draw(stream: str, indices: Iterable[int], dim: int, prior: str = NORMAL) -> Tensor:
    """Draw noise vectors, each from its own seed, so that neither batch size nor order matters.

    Parameters
    ----------
    stream : str
        ``feedback/<seed>``, ``unlearn/<seed>`` or ``evaluation``.
    indices : iterable of int
    dim : int
    prior : {"normal", "uniform"}
        N(0, I), or each number uniform on [-1, 1).

    Returns
    -------
    (N, dim) float32 on the CPU
    """
    rng = torch.Generator()
    rows = []
    for index in indices:
        rng.manual_seed(seed_of(stream, index))
        rows.append(noise((dim,), prior, rng))
    return torch.stack(rows) if rows else torch.empty(0, dim)


def draw_chunks(stream: str, count: int, dim: int, prior: str = NORMAL) -> Iterator[tuple[Tensor, int]]:
    """Draw the noise of samples 0 to ``count - 1`` in whole chunks, the last one filled up with the samples after them.

    So sample 64 is computed together with the same 63 others, whether 65 samples are asked for or 128.

    Yields
    ------
    noise : (64, dim) float32 on the CPU
    kept : int
        How many of them were asked for: 64, or fewer in the last chunk.
    """
    for start, stop in chunks(count):
        yield draw(stream, range(start, start + CHUNK), dim, prior), stop - start


def noise(shape: tuple[int, ...], prior: str, rng: torch.Generator) -> Tensor:
    """Draw float32 noise from a prior, on the device of ``rng``."""
    if prior == UNIFORM:
        return 2 * torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float32) - 1
    assert prior == NORMAL, prior
    return torch.randn(shape, generator=rng, device=rng.device, dtype=torch.float32)


def generator(stream: str, index: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a separate random generator for one step or purpose, on a device."""
    return torch.Generator(device=device).manual_seed(seed_of(stream, index))
