"""Rendering in fixed chunks of 64 consecutive samples, and the one conversion to 8-bit images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

# Float results depend on the batch they are computed in (16 of 4,000 images flip a grey level between batches
# of 1 and 1,000), so neither batch size nor the number of workers decides what is rendered together.
CHUNK = 64


def chunks(count: int, size: int = CHUNK) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of consecutive chunks of 0..count."""
    for start in range(0, count, size):
        yield start, min(start + size, count)


def to_uint8(images: Tensor) -> Tensor:
    """Clamp images (N, C, H, W) nominally in [0, 1] and round them to uint8 on the CPU."""
    return (images.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()


def to_float(images: Tensor) -> Tensor:
    """Scale uint8 images to float32 in [0, 1]."""
    return images.float() / 255
