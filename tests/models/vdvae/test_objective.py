"""The bound that training raises."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from vdvae_toys import LATENTS, MICRO, MODEL, blobs, disturbed, micro, normal, opened

from bench.models.vdvae import objective
from bench.models.vdvae.objective import Bound, bound, gaussian_kl, kl_weight, training_loss


def test_kl_is_the_closed_form():
    q_mean, q_log, p_mean, p_log = normal(4, 200).unbind(0)
    expected = kl_divergence(Normal(q_mean, q_log.exp()), Normal(p_mean, p_log.exp()))
    torch.testing.assert_close(gaussian_kl(q_mean, q_log, p_mean, p_log), expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(gaussian_kl(q_mean, q_log, q_mean, q_log), torch.zeros(200))


def test_the_bound_per_image_does_not_depend_on_the_batch():
    networks = disturbed(opened())
    images, noise = blobs(4), normal(4, LATENTS)
    with torch.no_grad():
        together = bound(networks.generator, networks.encoder, images, noise)
        singles = [
            bound(networks.generator, networks.encoder, images[i : i + 1], noise[i : i + 1]).bits_per_dimension()
            for i in range(4)
        ]
    assert set(together.rates) == {1, 4, 8} and together.dimensions == 768
    torch.testing.assert_close(together.bits_per_dimension(), torch.cat(singles), atol=1e-4, rtol=0)


def test_a_resolution_costs_what_all_of_its_layers_cost(monkeypatch):
    networks, found = disturbed(opened()), []

    def recorded(*given):
        found.append(gaussian_kl(*given))
        return found[-1]

    monkeypatch.setattr(objective, "gaussian_kl", recorded)
    with torch.no_grad():
        rates = bound(networks.generator, networks.encoder, blobs(3), normal(3, LATENTS)).rates
    by_resolution = {1: found[:2], 4: found[2:5], 8: found[5:]}
    assert [layer.resolution for layer in networks.generator.latent_layers] == [1, 1, 4, 4, 4, 8, 8] and len(found) == 7
    for resolution, costs in by_resolution.items():
        torch.testing.assert_close(rates[resolution], sum(cost.flatten(1).sum(1) for cost in costs))


def test_the_encoder_sees_images_of_zero_mean_and_unit_deviation():
    encoder, seen = micro(input_mean=0.25, input_std=0.125).encoder, []
    encoder.in_conv.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    for deviations in (0.0, 1.0, -2.0):
        encoder(torch.full((2, 3, 16, 16), 0.25 + deviations * 0.125))
        torch.testing.assert_close(seen[-1], torch.full((2, 3, 16, 16), deviations), atol=1e-6, rtol=0)


def test_closed_resolutions_cost_nothing():
    networks = micro()
    parts = bound(networks.generator, networks.encoder, blobs(2), normal(2, LATENTS))
    assert set(parts.rates) == {1, 4}


def test_bits_per_dimension_by_hand():
    parts = Bound(torch.tensor([math.log(2) * 30]), {1: torch.tensor([math.log(2) * 6]), 4: torch.tensor([0.0])}, 12)
    assert parts.bits_per_dimension().item() == pytest.approx(3)


def test_weights_of_the_training_loss():
    parts = Bound(torch.tensor([10.0, 30.0]), {1: torch.tensor([1.0, 3.0]), 4: torch.tensor([6.0, 6.0])}, 10)

    def loss(progress=0.0, **fields):
        return training_loss(parts, MODEL.Config(**MICRO | fields), progress).item()

    assert loss() == pytest.approx((20 + 2 + 6) / 10)
    assert loss(kl_factors="1:0.5,32:0.1") == pytest.approx((20 + 1 + 6) / 10)
    assert loss(kl_start=0.5, kl_until=0.5) == pytest.approx((20 + 4) / 10)
    assert loss(0.25, kl_start=0.5, kl_until=0.5) == pytest.approx((20 + 6) / 10)
    assert kl_weight(MODEL.Config(kl_start=0.5, kl_until=0.5), 0.9) == 1
    falling = MODEL.Config(kl_start=0.5, kl_end=0.1, kl_until=0.5)
    assert [kl_weight(falling, progress) for progress in (0, 0.25, 0.5, 1)] == pytest.approx([0.5, 0.3, 0.1, 0.1])


def test_a_rate_that_rounding_took_below_zero_costs_nothing():
    parts = Bound(torch.tensor([10.0]), {1: torch.tensor([-1.0]), 4: torch.tensor([6.0])}, 10)
    assert training_loss(parts, MODEL.Config(**MICRO), 1.0).item() == pytest.approx(1.6)
