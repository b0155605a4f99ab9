"""Equalised layers and what stands between them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from bench.models.proggan.equalised import (
    EqualisedConv2d,
    EqualisedLinear,
    minibatch_deviation,
    pixel_norm,
    upsample,
)

ROUNDING = 1e-4  # a fortieth of a grey level: processors round differently


@pytest.mark.parametrize(
    ("kind", "sizes", "fan_in"), [(EqualisedConv2d, (32, 64, 3), 32 * 9), (EqualisedLinear, (256, 64), 256)]
)
@torch.no_grad()
def test_equalised_learning_rate(kind, sizes, fan_in):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = kind(*sizes)
    assert layer.scale == pytest.approx(math.sqrt(2 / fan_in))
    assert abs(layer.weight.mean()) < 0.03 and layer.weight.std() == pytest.approx(1, abs=0.03)
    assert not layer.bias.any()
    x = torch.randn(2, sizes[0], *layer.weight.shape[2:], generator=torch.Generator().manual_seed(0))
    centre = layer(x)[:, :, 1, 1] if kind is EqualisedConv2d else layer(x)
    assert torch.allclose(centre, x.flatten(1) @ layer.weight.flatten(1).T * math.sqrt(2 / fan_in), atol=1e-4)


def test_a_convolution_after_upsampling_in_one():
    layer = EqualisedConv2d(6, 5, 3)
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(layer.upsampled(x), layer(upsample(x)), atol=ROUNDING)


@pytest.mark.parametrize("shape", [(4, 7), (4, 7, 3, 3)])
def test_pixel_norm_has_unit_rms(shape):
    x = 100 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(pixel_norm(x).square().mean(1), torch.ones(1), atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 4, 7, 8, 12])
def test_minibatch_deviation_of_any_batch(count):
    x = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    appended = minibatch_deviation(x, 4)
    assert appended.shape == (count, 4, 4, 4) and torch.equal(appended[:, :3], x)
    assert (appended[:, 3] == appended[:, 3, :1, :1]).all()
    assert minibatch_deviation(x[:1].expand(count, -1, -1, -1), 4)[:, 3].abs().max() <= 1.01e-4  # sqrt(epsilon)


def test_minibatch_deviation_by_hand():
    x = torch.tensor([0.0, 10.0, 2.0, 10.0]).view(4, 1, 1, 1).expand(4, 2, 4, 4)
    assert torch.allclose(minibatch_deviation(x, 2)[:, -1, 0, 0], torch.tensor([1.0, 0, 1, 0]), atol=2e-4)
    assert torch.allclose(minibatch_deviation(x[:3], 2)[:, -1], x[:3, 0, 0, 0].std(correction=0))
