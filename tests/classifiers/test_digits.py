from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from bench.registry import Registry
from bench.toolkit import estimates
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, loading, observers

COUNT = 1000


@pytest.fixture(scope="module")
def digits(mnist_dir):
    split = Registry().get("datasets", "mnist")(mnist_dir).split("test")
    return split.read(np.arange(COUNT)).float() / 255, torch.tensor(split.attributes["digit"].to_numpy()[:COUNT])


@pytest.fixture(scope="module")
def shipped():
    return observers.load_extractor(Registry(), "digits", "digits")


def accuracy(shipped, images, truth):
    return float((shipped[0].outputs(images)[1].argmax(1) == truth).float().mean())


@pytest.mark.mnist
@pytest.mark.parametrize(("width", "least"), [(0.0, 0.985), (1.0, 0.98), (1.5, 0.97)])
def test_blurred_digits_are_still_read(shipped, digits, width, least):
    images, truth = digits
    soft = gaussian_blur(images, 13, [width, width]) if width else images
    assert accuracy(shipped, soft, truth) >= least


@pytest.mark.mnist
def test_noisy_and_shifted_digits_are_still_read(shipped, digits):
    images, truth = digits
    noise = 0.1 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    assert accuracy(shipped, (images + noise).clamp(0, 1), truth) >= 0.98
    assert accuracy(shipped, images.roll((2, -2), (2, 3)), truth) >= 0.97


@pytest.mark.mnist
def test_the_embedding_sees_blur_and_form(shipped, digits):
    images, _ = digits
    path = manifest.path_of("mnist-digits-statistics")
    reference = loading.statistics_in(checkpoint.read(path), path, shipped[1])["all"]
    eigenvalues = np.linalg.eigvalsh(reference.covariance)
    assert eigenvalues.sum() ** 2 / np.square(eigenvalues).sum() > 20, "effective dimensions"
    before = estimates.frechet(shipped[0].outputs(images)[0].numpy(), reference)
    thicker = torch.nn.functional.max_pool2d(images, 2, 1, padding=1)[:, :, :28, :28]
    for altered in (gaussian_blur(images, 13, [1.0, 1.0]), thicker):
        after = estimates.frechet(shipped[0].outputs(altered)[0].numpy(), reference)
        assert after.value - before.value > after.half_width
