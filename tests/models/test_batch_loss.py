"""The loss of a batch is in nats per image, whatever unit a model trains in."""

from __future__ import annotations

import math

import pytest
import torch
from vdvae_toys import LATENTS, MODEL, blobs, disturbed, opened

from bench.api import Batch
from bench.models.vdvae.objective import bound
from bench.registry import Registry


def loss(model, networks, images):
    with torch.no_grad():
        return float(model.batch_loss(networks, Batch(images, torch.empty(0)), torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("count", [1, 5])
def test_a_vae_that_knows_nothing_pays_a_bit_per_pixel(count):
    model = Registry().get("models", "vae")()
    networks = model.build(model.Config())
    for module in networks.modules().values():
        for parameter in module.parameters():
            parameter.data.zero_()
    images = torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert loss(model, networks, images) == pytest.approx(784 * math.log(2), rel=1e-5)


def test_a_vdvaes_is_its_bound_times_the_dimensions():
    networks, images = disturbed(opened()), blobs(4)
    noise = torch.randn(4, LATENTS, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        bits = bound(networks.generator, networks.encoder, images, noise).bits_per_dimension()
    assert loss(MODEL(), networks, images) == pytest.approx(float(bits.mean()) * 768 * math.log(2), rel=1e-5)
