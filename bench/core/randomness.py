"""Every random number by name: sample i of stream s is drawn from the first 8 bytes of sha256("s:i")."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import torch
from torch import Tensor

EVALUATION = "evaluation"


def seed_of(stream: str, index: int) -> int:
    """Return the 63-bit seed of one sample of a stream."""
    return int.from_bytes(sha256(f"{stream}:{index}".encode()).digest()[:8], "big") >> 1


def draw(stream: str, indices: Iterable[int], dim: int) -> Tensor:
    """Draw noise vectors, each from its own seed, so that neither batch size nor order matters.

    Parameters
    ----------
    stream : str
        ``feedback/<seed>``, ``unlearn/<seed>`` or ``evaluation``.
    indices : iterable of int
    dim : int

    Returns
    -------
    (N, dim) float32 on the CPU
    """
    rng = torch.Generator()
    rows = []
    for index in indices:
        rng.manual_seed(seed_of(stream, index))
        rows.append(torch.randn(dim, generator=rng))
    return torch.stack(rows) if rows else torch.empty(0, dim)


def generator(stream: str, index: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a separate random generator for one step or purpose, on a device."""
    return torch.Generator(device=device).manual_seed(seed_of(stream, index))
