"""Sampling and decoding."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError
from vdvae_toys import LATENTS, MODEL, blobs, disturbed, micro, normal, opened, stepper

from bench.models.vdvae import mixture
from bench.models.vdvae.config import RAMP
from bench.toolkit.latent import Direction, edited_images

ROUNDING = 1e-4  # a fortieth of a grey level: processors round differently


def test_shapes_and_layout():
    generator = opened().generator
    noise = normal(5, LATENTS)
    latents, images = generator.sample(noise)
    assert (generator.noise_dim, generator.latent_dim) == (LATENTS, LATENTS)
    assert latents.shape == (5, LATENTS) and images.shape == (5, 3, 16, 16)
    torch.testing.assert_close(latents, noise)  # every prior is N(0, I) before training
    assert [tuple(part.shape[1:]) for part in generator.split(noise)] == [(6, 1, 1)] * 2 + [(3, 4, 4)] * 3 + [
        (2, 8, 8)
    ] * 2
    torch.testing.assert_close(torch.cat([part.flatten(1) for part in generator.split(noise)], dim=1), noise)


def test_sampled_latents_decode_to_the_sampled_images():
    generator = disturbed(opened()).generator
    noise = normal(4, LATENTS)
    latents, images = generator.sample(noise)
    assert not torch.allclose(latents, noise, atol=0.1)
    torch.testing.assert_close(generator.decode(latents, noise), images, atol=ROUNDING, rtol=0)
    torch.testing.assert_close(generator.decode(latents, normal(4, LATENTS, seed=1)), images, atol=ROUNDING, rtol=0)
    assert not torch.allclose(generator.decode(latents + 1, noise), images, atol=0.01)


def test_a_bounded_prior_does_not_run_away():
    """Weights this large drive an unbounded prior's samples to infinity, block by block."""
    seen = {}
    for limit in (0.0, 3.0):
        networks = disturbed(opened(prior_bound=limit))
        with torch.no_grad():
            for name, weight in networks.generator.named_parameters():
                if "prior" in name:
                    weight.mul_(6)
            noise = normal(8, LATENTS)
            seen[limit] = networks.generator.sample(noise)[0]
    assert not seen[0.0].abs().max() < 1e3
    assert (seen[3.0].abs() <= 3 + 3 * noise.abs() + 1e-4).all() and seen[3.0].abs().max() > 3


def test_an_ancestor_s_noise_moves_its_descendants_only():
    generator = disturbed(opened()).generator
    first, middle = generator.latent_layers[0], generator.latent_layers[3]
    noise = normal(2, LATENTS)
    other = noise.clone()
    other[:, middle.start : middle.stop] += 1
    changed = (generator.sample(noise)[0] - generator.sample(other)[0]).abs().amax(dim=0)
    assert (changed[: middle.start] == 0).all() and (changed[middle.start : middle.stop] > 0).all()
    assert (changed[middle.stop :] > 0).any() and first.stop <= middle.start


def test_same_noise_same_image_whatever_the_batch():
    generator = disturbed(opened()).generator
    noise = normal(5, LATENTS)
    images = generator(noise)
    assert torch.equal(generator(noise), images)
    singles = torch.cat([generator(row[None]) for row in noise])
    torch.testing.assert_close(images, singles, atol=ROUNDING, rtol=0)


def test_pixels_are_where_the_likelihood_takes_them_to_be():
    generator = micro().generator
    images = 0.1 + 0.8 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    k = 3
    parameters = torch.zeros(2, mixture.parameter_count(3, k), 4 * 8, 8)
    parameters[:, k:].reshape(2, 3, 3 * k, 32, 8)[:, :, :k] = (generator.rearrange(images) * 2 - 1).unsqueeze(2)
    parameters[:, k:].reshape(2, 3, 3 * k, 32, 8)[:, :, k : 2 * k] = -7.0
    torch.testing.assert_close(generator.image(parameters), images, atol=2e-3, rtol=0)


def test_latents_open_on_schedule_and_stay_open():
    generator = disturbed(micro()).generator
    fine = generator.latent_layers[-1]
    noise = normal(3, LATENTS)
    other = noise.clone()
    other[:, fine.start : fine.stop] += 1
    assert generator.gates() == [1.0] * 5 + [0.0] * 2
    assert torch.equal(generator(noise), generator(other))
    generator.opened.fill_(0.5 + RAMP / 4)
    assert generator.gates()[-1] == pytest.approx(0.25)
    generator.opened.fill_(0.5 + RAMP)
    assert generator.gates() == pytest.approx([1.0] * 7)
    assert not torch.allclose(generator(noise), generator(other), atol=1e-4)


def test_the_likelihoods_floor_falls_on_schedule():
    generator = micro(first_log_scale=-2.0, min_log_scale=-4.0, fall_from=0.4, fall_until=0.8).generator
    for opened_by, floor in ((0.0, -2.0), (0.4, -2.0), (0.5, -2.5), (0.6, -3.0), (0.8, -4.0), (1.0, -4.0)):
        generator.opened.fill_(opened_by)
        assert generator.log_scale_floor() == pytest.approx(floor)
    at_once = micro(first_log_scale=-2.0, min_log_scale=-4.0, fall_from=0.5, fall_until=0.5).generator
    assert at_once.log_scale_floor() == -2.0
    at_once.opened.fill_(0.5)
    assert at_once.log_scale_floor() == -4.0
    with pytest.raises(ValidationError, match=r"fall_until \(0.1\) must be at least fall_from \(0.35\)"):
        MODEL.Config(fall_until=0.1)


def test_training_on_starts_with_everything_open():
    networks = opened(kl_start=0.5, kl_until=0.5, first_log_scale=-2.0)
    step = stepper(networks, blobs(2)).step(0, progress=0.0)
    assert networks.generator.gates() == [1.0] * 7 and networks.generator.log_scale_floor() == -5.0
    assert step["loss"] == pytest.approx(step["bits_per_dim"] * math.log(2)), "the KL divergence has its full weight"
    closed = micro()
    stepper(closed, blobs(2)).step(0, progress=0.3)
    assert closed.generator.opened.item() == pytest.approx(0.3)


def test_the_teacher_is_edited_in_latent_space():
    generator = disturbed(opened()).generator.requires_grad_(False)
    direction = Direction(LATENTS)
    direction.unit[0] = 1.0
    direction.length.fill_(1.0)
    noise = normal(8, LATENTS)
    images, flagged = edited_images(generator, direction, noise)
    original = generator(noise)
    assert 0 < flagged.sum() < 8
    assert torch.equal(images[~flagged], original[~flagged])
    assert (images[flagged] - original[flagged]).abs().amax() > 1e-4


def test_grey_images_and_official_structure():
    grey = disturbed(opened(image_shape=(1, 16, 16), learned_jumps=0, no_bias_above=4)).generator
    images = grey(normal(2, LATENTS))
    assert images.shape == (2, 1, 16, 16) and len(grey.bias_xs) == 2 and len(grey.learned) == 0
