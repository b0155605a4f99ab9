"""The distances between images: L1 and MS-SSIM."""

from __future__ import annotations

import pytest
import torch
from pictures import pictures
from pytorch_msssim import ms_ssim

from bench.toolkit.losses import l1, ms_ssim_dissimilarity, ms_ssim_window


def test_l1_by_hand():
    images = torch.tensor([[[[0.0, 1.0], [0.5, 0.25]]], [[[1.0, 1.0], [1.0, 1.0]]]])
    targets = torch.zeros(2, 1, 2, 2)
    assert l1(images, targets).tolist() == [0.4375, 1.0]
    assert l1(images, targets, "sum").tolist() == [1.75, 4.0]
    assert l1(images, images).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 64, 176])
def test_ms_ssim_of_equal_images_is_0_and_of_others_is_not(side, channels):
    images = pictures(3, side, channels)
    assert torch.equal(ms_ssim_dissimilarity(images, images.clone()), torch.zeros(3))
    other = ms_ssim_dissimilarity(images, pictures(3, side, channels, seed=1))
    assert other.shape == (3,) and (other > 0.05).all() and (other <= 1).all()
    nearer = ms_ssim_dissimilarity(images, images.lerp(pictures(3, side, channels, seed=1), 0.2))
    assert (nearer < other).all() and (nearer > 0).all()


def test_ms_ssim_is_the_library_s_wherever_that_works():
    a, b = pictures(2, 176), pictures(2, 176, seed=1)
    torch.testing.assert_close(1 - ms_ssim_dissimilarity(a, b), ms_ssim(a, b, data_range=1.0, size_average=False))
    assert [ms_ssim_window(side) for side in (28, 32, 33, 64, 65, 128, 160, 161, 256)] == [0, 0, 3, 3, 5, 7, 9, 11, 11]


def test_ms_ssim_per_sample_does_not_depend_on_the_batch():
    a, b = pictures(4), pictures(4, seed=1)
    singles = torch.cat([ms_ssim_dissimilarity(x[None], y[None]) for x, y in zip(a, b, strict=True)])
    torch.testing.assert_close(ms_ssim_dissimilarity(a, b), singles, atol=1e-6, rtol=0)


def test_ms_ssim_takes_images_that_are_not_square():
    a = pictures(2, 64)[..., :28]
    assert torch.equal(ms_ssim_dissimilarity(a, a), torch.zeros(2))


@pytest.mark.parametrize("targets", ["same", "inverted", "blank", "full"])
def test_gradients_are_finite_even_at_the_ends(targets):
    images = pictures(2).requires_grad_(True)
    wanted = {
        "same": images.detach().clone(), "inverted": 1 - images.detach(),
        "blank": torch.zeros(2, 1, 28, 28), "full": torch.ones(2, 1, 28, 28),
    }[targets]  # fmt: skip
    (l1(images, wanted) + ms_ssim_dissimilarity(images, wanted)).sum().backward()
    assert torch.isfinite(images.grad).all()
