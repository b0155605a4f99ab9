"""The images of edited latents."""

from __future__ import annotations

import pytest
import torch
from latent_toys import DIM, Identity, Layered, clicks, params, planted

from bench.core import randomness
from bench.toolkit.latent import Direction, edited_images, fit_direction


def test_edited_images_of_a_noise_latent_generator_are_one_pass():
    generator = Identity()
    found = fit_direction(generator, clicks(planted(), 500), params())
    noise = randomness.draw("fresh", range(64), DIM)
    generator.passes.clear()
    images, flagged = edited_images(generator, found, noise)
    assert generator.passes == [64]
    assert torch.equal(images, generator.decode(found.edit(noise), noise))
    assert torch.equal(flagged, found.flag(noise)) and 0 < int(flagged.sum()) < 64
    assert not images.requires_grad


def test_edited_images_keep_what_is_not_edited():
    generator = Layered()
    direction = Direction(4)
    direction.unit.copy_(torch.tensor([0.0, 0.6, 0.8, 0.0]))
    direction.length.fill_(1.0)
    noise = randomness.draw("fresh", range(64), DIM)
    images, flagged = edited_images(generator, direction, noise)
    latents, plain = generator.sample(noise)
    assert generator.decoded == [int(flagged.sum())] and 0 < int(flagged.sum()) < 64
    assert torch.equal(images[~flagged], plain[~flagged])
    assert torch.equal(images, generator.decode(direction.edit(latents), noise))
    assert torch.equal(images[:, 0, 1], noise[:, 4:]), "per-layer noise is that of the same sample"


@pytest.mark.parametrize("threshold", [-100.0, 100.0])
def test_edited_images_when_all_or_none_are_flagged(threshold):
    generator, direction = Layered(), Direction(4)
    direction.unit[0] = 1.0
    direction.threshold.fill_(threshold)
    direction.length.fill_(1.0)
    noise = randomness.draw("fresh", range(8), DIM)
    images, flagged = edited_images(generator, direction, noise)
    assert flagged.all() if threshold < 0 else not flagged.any()
    latents = generator.sample(noise)[0]
    assert torch.equal(images, generator.decode(direction.edit(latents), noise))
