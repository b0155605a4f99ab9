"""Small random changes of training images that keep their classes and attributes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def random_shift(images: Tensor, largest: int, rng: torch.Generator) -> Tensor:
    """Shift each image by a whole number of pixels from -largest to largest, filling with zeros.

    Parameters
    ----------
    images : (N, C, H, W) float32
    largest : int
        Pixels.
    rng : torch.Generator
        On the images' device.

    Returns
    -------
    (N, C, H, W) float32
    """
    (count, _, height, width), device = images.shape, images.device
    padded = F.pad(images, (largest,) * 4).movedim(1, -1)  # (N, H + 2s, W + 2s, C)
    offset = torch.randint(0, 2 * largest + 1, (2, count, 1), generator=rng, device=device)
    rows = offset[0] + torch.arange(height, device=device)  # (N, H)
    columns = offset[1] + torch.arange(width, device=device)  # (N, W)
    sample = torch.arange(count, device=device)[:, None, None]
    return padded[sample, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def random_flip(images: Tensor, rng: torch.Generator) -> Tensor:
    """Mirror each image left to right with probability 1/2; (N, C, H, W) to (N, C, H, W), ``rng`` on their device."""
    flipped = torch.rand(len(images), 1, 1, 1, generator=rng, device=images.device) < 0.5
    return torch.where(flipped, images.flip(3), images)


def blurred(images: Tensor, widths: Tensor) -> Tensor:
    """Blur each image by a Gaussian whose width is drawn for that image.

    Parameters
    ----------
    images : (N, C, H, W) float32
    widths : (N,) float32
        Standard deviations, px; 0 leaves an image as it is.

    Returns
    -------
    (N, C, H, W) float32
        Every pixel is a weighted mean of pixels within the image, so a flat image stays flat.
    """
    rows, columns = (_smoothing(widths, side) for side in images.shape[2:])  # (N, H, H), (N, W, W)
    return rows[:, None] @ images @ columns[:, None].transpose(2, 3)


def _smoothing(widths: Tensor, side: int) -> Tensor:
    """Return a matrix (side, side) per width (N,) that blurs a line of pixels; the identity for a width of 0."""
    at = torch.arange(side, device=widths.device, dtype=torch.float32)
    distance = (at[:, None] - at).square()
    weights = torch.exp(-distance / (2 * widths.clamp(min=0.05).square())[:, None, None])
    return weights / weights.sum(2, keepdim=True)
