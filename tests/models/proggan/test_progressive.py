"""The networks at every level, and the schedule of levels."""

from __future__ import annotations

import math

import pytest
import torch
from proggan_toys import ProgGAN, images, new, noise
from pydantic import ValidationError
from torch import nn

from bench.models.proggan.equalised import (
    downsample,
    upsample,
)
from bench.models.proggan.progressive import channel_widths, level_at, top_level
from bench.toolkit.training import build

ROUNDING = 1e-4  # a fortieth of a grey level: processors round differently

# --- the generator ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 1.25, 2.0])
def test_images_have_full_size_at_every_level(level):
    made = new(level)
    generator, critic = made.networks.generator, made.networks.discriminator
    drawn = generator(noise())
    assert drawn.shape == (5, 3, 16, 16) and drawn.dtype == torch.float32 and drawn.is_contiguous()
    assert generator.signed(noise()).shape[-1] == 4 * 2 ** math.ceil(level)
    assert critic(drawn).shape == (5,) and critic.prepare(drawn).shape == generator.signed(noise()).shape


@pytest.mark.parametrize(("size", "channels"), [(4, 1), (8, 3), (32, 1)])
def test_other_sizes(size, channels):
    made = new(image_shape=(channels, size, size))
    made.networks.generator.level = float(made.networks.generator.top)
    assert made.networks.generator(noise()).shape == (5, channels, size, size)


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 16, 8), (0, 16, 16), (3, 2048, 2048), (3, 2, 2)])
def test_a_size_it_cannot_have_is_refused(shape):
    with pytest.raises(ValidationError, match="must have H = W in"):
        ProgGAN.Config(image_shape=shape)


def test_same_noise_same_image_whatever_the_batch():
    generator = new(2.0).networks.generator.eval()
    drawn = generator(noise())
    assert torch.equal(drawn, generator(noise()))
    assert torch.allclose(drawn, torch.cat([generator(row[None]) for row in noise()]), atol=ROUNDING)
    assert not torch.allclose(drawn[0], drawn[1], atol=1e-2)


def test_the_latent_is_normalised():
    generator = new(2.0).networks.generator
    assert torch.allclose(generator(noise()), generator(7.5 * noise()), atol=ROUNDING)


def test_default_sizes():
    networks = build(ProgGAN(), ProgGAN.Config(), "test")
    assert networks.generator.image_shape == (3, 64, 64) and networks.generator.latent_dim >= 128
    assert sum(p.numel() for p in networks.generator.parameters()) == 1_141_999


def test_published_widths():
    assert channel_widths(1024, 8192, 512) == (512, 512, 512, 512, 256, 128, 64, 32, 16)
    assert [top_level(size) for size in (4, 64, 1024)] == [0, 4, 8]


@pytest.mark.parametrize("level", [1, 2])
def test_fade_in(level):
    generator = new().networks.generator
    generator.level = level - 1.0
    lower = upsample(generator.signed(noise()))
    generator.level = level - 1 + 1e-9
    assert torch.allclose(generator.signed(noise()), lower, atol=1e-6)
    generator.level = float(level)
    before = generator.signed(noise())
    generator.level = level - 0.25
    assert torch.allclose(generator.signed(noise()), torch.lerp(lower, before, 0.75), atol=ROUNDING)
    generator.level = float(level)
    nn.init.normal_(generator.to_rgb[level - 1].weight, 5.0)
    assert torch.equal(generator.signed(noise()), before), "at alpha 1 it depends on the lower resolution's colours"


@pytest.mark.parametrize("level", [1, 2])
def test_fade_in_of_the_discriminator(level):
    critic = new().networks.discriminator
    critic.level = level - 1.0
    below, lower = critic(images()), critic.prepare(images())
    critic.level = level - 1 + 1e-9
    assert torch.allclose(critic.prepare(images()), upsample(lower), atol=1e-6)
    assert torch.allclose(critic(images()), below, atol=ROUNDING)
    critic.level = float(level)
    scores = critic(images())
    nn.init.normal_(critic.from_rgb[level - 1].weight, 5.0)
    assert torch.equal(critic(images()), scores)


def test_reals_are_pooled():
    critic = new(1.0).networks.discriminator
    assert torch.allclose(critic.prepare(images()), 2 * downsample(images()) - 1, atol=1e-6)


# --- the schedule -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("progress", "level"),
    [(0, 0), (0.0624, 0), (0.09375, 0.5), (0.125, 1), (0.1874, 1), (0.25, 2), (0.46875, 3.5), (0.5, 4), (0.99, 4)],
)
def test_each_resolution_fades_in_and_is_trained_on(progress, level):
    assert level_at(progress, top=4, growth=0.5, fade=0.5) == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize("top", [0, 1, 4, 8])
@pytest.mark.parametrize("fade", [0.1, 0.5, 1.0])
def test_the_schedule_never_falls_and_ends_at_the_top(top, fade):
    levels = [level_at(i / 1000, top, 0.7, fade) for i in range(1000)]
    assert levels == sorted(levels) and levels[0] == 0 and levels[700:] == [top] * 300
    assert max(b - a for a, b in zip(levels, levels[1:], strict=False)) <= top / 0.7 / 1000 / fade + 1e-9
