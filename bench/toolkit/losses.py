"""The loss terms of Eq. 2-5 of arXiv 2303.05699, per sample."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import pad

from bench.toolkit.similarity import WEIGHTS, ms_ssim


def l1(images: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean") -> Tensor:
    """Return the absolute difference per sample, |images - targets|_1.

    Parameters
    ----------
    images, targets : (N, C, H, W) float32, nominally in [0, 1]
    reduction : {"mean", "sum"}
        Over a sample's pixels and colours.

    Returns
    -------
    (N,) float32
        At least 0; a mean is nominally at most 1.
    """
    difference = (images - targets).abs().flatten(1)  # (N, C*H*W)
    return difference.mean(1) if reduction == "mean" else difference.sum(1)


def ms_ssim_window(side: int) -> int:
    """Return the largest standard window (at most 11) that five scales allow at an image side, or 0."""
    fitting = [window for window in (11, 9, 7, 5, 3) if side > (window - 1) * 2 ** (len(WEIGHTS) - 1)]
    return fitting[0] if fitting else 0


def ms_ssim_dissimilarity(images: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - MS-SSIM per sample (Eq. 4).

    The window is the largest standard one that five scales allow (``ms_ssim_window``): 3 px at 28 px and at 64 px, 7 at
    128 px, the usual 11 from 161 px. With a window of 3, means and variances are of 9 pixels. Images of 32 px or less,
    for which every window is too large, are padded with zeros to 36 px and compared with a window of 3 (measured on
    MNIST: as good and as fast as scales chosen for their size).

    Parameters
    ----------
    images, targets : (N, C, H, W) float32, nominally in [0, 1]

    Returns
    -------
    (N,) float32
    """
    height, width = images.shape[-2:]
    window = ms_ssim_window(min(height, width))
    if window == 0:
        right, bottom = max(0, 36 - width), max(0, 36 - height)
        margins = (right // 2, right - right // 2, bottom // 2, bottom - bottom // 2)
        images, targets, window = pad(images, margins), pad(targets, margins), 3
    return 1 - ms_ssim(images, targets, window)
