"""Rendering in fixed chunks of 64 consecutive samples, and the one conversion to 8-bit images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor

Rows = TypeVar("Rows", bound=Any)  # something that has rows: a tensor, or an array

# Float results depend on the batch they are computed in (16 of 4,000 images flip a grey level between batches
# of 1 and 1,000), so neither batch size nor the number of workers nor the number of samples decides what is
# computed together: the last chunk has 64 rows too.
CHUNK = 64


def chunks(count: int, size: int = CHUNK) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of consecutive chunks of 0..count."""
    for start in range(0, count, size):
        yield start, min(start + size, count)


def whole(count: int) -> int:
    """Round a number of samples up to whole chunks."""
    return -(-count // CHUNK) * CHUNK


def by_chunk(work: Callable[[Tensor], Rows], rows: Tensor) -> Iterator[Rows]:
    """Apply a function to 64 rows at a time; copies of the last row fill up the last chunk, and their results are cut.

    Parameters
    ----------
    work : callable
        Maps (64, ...) to one result for each row.
    rows : (N, ...)

    Yields
    ------
    (B, ...)
        The results of consecutive chunks, N rows in all.
    """
    for chunk, kept in filled(rows):
        yield work(chunk)[:kept]


def filled(rows: Tensor) -> Iterator[tuple[Tensor, int]]:
    """Yield consecutive chunks of 64 rows, the last one filled up with copies of its last row, and how many count."""
    for start, stop in chunks(len(rows)):
        chunk = rows[start:stop]
        filling = chunk[-1:].expand(CHUNK - len(chunk), *chunk.shape[1:])
        yield torch.cat([chunk, filling]), len(chunk)


def to_uint8(images: Tensor) -> Tensor:
    """Clamp images (N, C, H, W) nominally in [0, 1] and round them to uint8 on the CPU."""
    return (images.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()


def to_float(images: Tensor) -> Tensor:
    """Scale uint8 images to float32 in [0, 1]."""
    return images.float() / 255
