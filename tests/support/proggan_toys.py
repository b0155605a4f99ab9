"""A ProgGAN of 16 px, and its training on eight images."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from bench.api import Batch
from bench.core import randomness
from bench.registry import Registry
from bench.toolkit.training import build

ProgGAN = Registry().get("models", "proggan")
MICRO = {"image_shape": (3, 16, 16), "latent_dim": 8, "fmap_base": 16, "fmap_max": 8, "batch_size": 8}
BOTH_LOSSES = pytest.mark.parametrize("loss", ["r1", "wgan-gp"])


def new(level: float | None = None, **settings):
    """Return a model, its networks in train mode and its optimisers; at a level, which is 0 if not given."""
    model = ProgGAN()
    networks = build(model, ProgGAN.Config(**(MICRO | settings)), "test")
    if level is not None:
        networks.generator.level = networks.discriminator.level = level
    return SimpleNamespace(model=model, networks=networks, optimisers=model.optimisers(networks))


def images(count=8, size=16):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def noise(count=5, dim=8):
    return randomness.draw("test", range(count), dim)


BATCH = Batch(images(), torch.empty(0))


def train(made, steps, first=0, total=8):
    """Train on the same images, with each step's own random generator; return the last losses."""
    for step in range(first, first + steps):
        losses = made.model.training_step(
            made.networks, made.optimisers, BATCH, randomness.generator("t", step), step / total
        )
    return losses
