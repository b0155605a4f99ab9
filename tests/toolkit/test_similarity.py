"""MS-SSIM as matrix products against the library's convolutions."""

from __future__ import annotations

import pytest
import torch
from pictures import pictures
from pytorch_msssim import ms_ssim as library
from torch import Tensor

from bench.toolkit.similarity import ms_ssim

SIZES = [(36, 36, 3, 1), (36, 33, 3, 1), (64, 64, 3, 3), (128, 128, 7, 3), (176, 176, 11, 1), (165, 171, 9, 3)]


def pair(height: int, width: int, channels: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Two images that have some structure in common."""
    a, b = (pictures(3, max(height, width), channels, seed=seed)[..., :height, :width] for seed in (0, 1))
    return a.to(dtype), a.lerp(b, 0.3).to(dtype)


def value_and_gradient(function, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    leaf = images.clone().requires_grad_(True)
    value = function(leaf, targets)
    return value.detach(), torch.autograd.grad(value.sum(), leaf)[0]


@pytest.mark.parametrize(("height", "width", "window", "channels"), SIZES)
def test_value_and_gradient_are_the_library_s(height, width, window, channels):
    a, b = pair(height, width, channels)
    value, gradient = value_and_gradient(lambda x, y: ms_ssim(x, y, window), a, b)
    theirs, their_gradient = value_and_gradient(
        lambda x, y: library(x, y, data_range=1.0, size_average=False, win_size=window), a, b
    )
    assert 0.1 < theirs.min() and theirs.max() < 0.999
    torch.testing.assert_close(value, theirs, atol=1e-12, rtol=0)
    torch.testing.assert_close(gradient, their_gradient, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("height", "width", "window", "channels"), SIZES)
def test_float32_loses_at_most_what_the_library_loses(height, width, window, channels):
    exact = value_and_gradient(lambda x, y: ms_ssim(x, y, window), *pair(height, width, channels))
    single = pair(height, width, channels, torch.float32)
    ours = value_and_gradient(lambda x, y: ms_ssim(x, y, window), *single)
    for found, wanted in zip(ours, exact, strict=True):
        torch.testing.assert_close(found.double(), wanted, atol=1e-6, rtol=0)


def test_images_that_are_opposite_have_no_similarity_and_no_gradient():
    images = pictures(2, 64, 3)
    value, gradient = value_and_gradient(lambda x, y: ms_ssim(x, y, 3), images, 1 - images)
    assert torch.equal(value, torch.zeros(2)) and torch.equal(gradient, torch.zeros_like(images))
