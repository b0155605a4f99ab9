"""MS-SSIM (Wang, Simoncelli, Bovik 2003) as matrix products: the value of ``pytorch_msssim.ms_ssim``, computed faster.

SSIM compares two images x and y by local means and variances. Written with their sum s = x + y and difference
d = x - y it needs four smoothed maps (s, d, s^2, d^2) instead of five, and is exactly 1 where x = y:

    structure = 1 - 2 var(d) / (var(s) + var(d) + 2 C2),    luminance = 1 - 2 m(d)^2 / (m(s)^2 + m(d)^2 + 2 C1)

A Gaussian window is separable: smoothing all maps of all images and colours at one scale takes two matrix products.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, from fine to coarse (Wang et al. 2003, section 3.2)
SIGMA = 1.5  # px, standard deviation of the window
C1, C2 = 0.01**2, 0.03**2  # for images in [0, 1]
TINY = 1e-30  # stands for a term that is not positive, so that its logarithm is finite


def ms_ssim(images: Tensor, targets: Tensor, window: int) -> Tensor:
    """Return the MS-SSIM of each pair of images, averaged over the colours.

    Parameters
    ----------
    images, targets : (N, C, H, W) float, nominally in [0, 1]
    window : int
        Side of the Gaussian window, odd, px. The coarsest of the five scales must hold it.

    Returns
    -------
    (N,) float
        At most 1. A pair that is negatively correlated at some scale has 0, and no gradient.
    """
    pair = torch.stack([images + targets, images - targets])  # (2, N, C, H, W)
    terms = []
    for _ in WEIGHTS[1:]:
        terms.append(_structure(_local(pair, window)[1]).mean(dim=(-2, -1)))  # (N, C)
        pair = _halved(pair)
    means, variances = _local(pair, window)
    terms.append((_structure(variances) * _luminance(means)).mean(dim=(-2, -1)))
    found = torch.stack(terms)  # (scales, N, C)
    logs = found.clamp(min=TINY).log() * found.new_tensor(WEIGHTS)[:, None, None]
    return torch.where((found > 0).all(dim=0), logs.sum(dim=0).exp(), 0).mean(dim=1)


def _local(pair: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Return squares of the local means, and local variances, of sum and difference; each (2, N, C, H', W')."""
    down, across = (torch.from_numpy(_smoothing(side, window)).to(pair) for side in pair.shape[-2:])
    means, squares = (down @ (torch.cat([pair, pair * pair]) @ across.T)).chunk(2)
    means = means * means
    return means, squares - means


def _structure(variances: Tensor) -> Tensor:
    total, difference = variances.unbind()
    return 1 - 2 * difference / (total + difference + 2 * C2)


def _luminance(means: Tensor) -> Tensor:
    total, difference = means.unbind()
    return 1 - 2 * difference / (total + difference + 2 * C1)


@cache
def _smoothing(side: int, window: int) -> NDArray[np.float32]:
    """Return the matrix (side - window + 1, side) that takes the Gaussian mean of every window of a line of pixels."""
    offsets = torch.arange(window, dtype=torch.float32) - window // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    rows = side - window + 1
    matrix = np.zeros((rows, side), np.float32)
    for k, weight in enumerate((weights / weights.sum()).tolist()):
        matrix += np.eye(rows, side, k, dtype=np.float32) * np.float32(weight)
    return matrix


def _halved(pair: Tensor) -> Tensor:
    """Average 2 x 2 pixels of (2, N, C, H, W); an odd side gets zeros on both ends, as in the library."""
    flat = pair.flatten(0, 1)
    halved = avg_pool2d(flat, 2, padding=[side % 2 for side in flat.shape[-2:]])
    return halved.reshape(*pair.shape[:2], *halved.shape[1:])
