"""Arithmetic of weights."""

from __future__ import annotations

from copy import deepcopy

import torch

from bench.api import Generator


@torch.no_grad()
def moved(original: Generator, other: Generator, share: float) -> Generator:
    """Return a copy of the original whose weights moved by ``share`` of the way to another's of the same structure.

    theta_0 + share (theta - theta_0): 0 is the original, 1 the other, a negative share goes the opposite way. Buffers,
    such as the statistics of batch norm, stay the original's.

    Parameters
    ----------
    original, other : Generator
    share : float
    """
    result = deepcopy(original)
    for weight, end in zip(result.parameters(), other.parameters(), strict=True):
        weight.lerp_(end, share)
    return result
