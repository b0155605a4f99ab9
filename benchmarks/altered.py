"""Alterations that apply to digits and to faces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from bench.core import randomness
from bench.core.rendering import to_float, to_uint8

KEPT = 200  # pictures left after a collapse


@dataclass(frozen=True)
class Altered:
    """Pictures (N, C, H, W) uint8, what was done to them, and which picture each was made from, (N,)."""

    name: str
    images: Tensor
    sources: NDArray[np.int64]


def blurred(images: Tensor, width: float) -> Altered:
    soft = torch.cat([gaussian_blur(to_float(x), 13, [width, width]) for x in images.split(500)])
    return Altered(f"blurred by {width:g} px", to_uint8(soft), np.arange(len(images)))


def noisy(images: Tensor, width: float) -> Altered:
    noise = torch.randn(images.shape, generator=randomness.generator("sensitivity/noise", 0))
    return Altered(f"noise of {100 * width:.0f} %", to_uint8(to_float(images) + width * noise), np.arange(len(images)))


def thinned_out(images: Tensor) -> Iterator[Altered]:
    """Yield pictures of which a tenth are copies of others, and pictures of which 200 are different."""
    count = len(images)
    copies = np.arange(count)
    copies[: count // 10] = copies[count // 10 : 2 * (count // 10)]
    yield Altered("10 % duplicates", images[torch.from_numpy(copies)], copies)
    few = np.arange(count) % KEPT
    yield Altered(f"collapse to {KEPT} pictures", images[torch.from_numpy(few)], few)
