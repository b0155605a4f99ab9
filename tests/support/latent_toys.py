"""Toy generators whose latents are seen in their images, and clicks along planted directions."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from bench.api import Generator, NoiseLatentGenerator
from bench.api.feedback import Feedback
from bench.core import randomness
from bench.toolkit.latent import DirectionParams

STREAM = "test"
DIM = 8


class Identity(NoiseLatentGenerator):
    """Draws its latent as 'pixels', so that an image says which latent it was drawn from."""

    image_shape, noise_dim, latent_dim = (1, 1, DIM), DIM, DIM

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.passes = []

    def render(self, latents):
        self.passes.append(len(latents))
        return (self.scale * latents).view(-1, *self.image_shape)


class Layered(Generator):
    """Its latent is not the noise, and the rest of the noise enters the image by itself, as per-layer noise does."""

    image_shape, noise_dim, latent_dim = (1, 2, 4), DIM, 4

    def __init__(self):
        super().__init__()
        self.mapping = nn.Parameter(torch.linspace(-1, 1, 16).view(4, 4) + torch.eye(4))
        self.decoded = []

    def decode(self, latents, noise):
        self.decoded.append(len(latents))
        return torch.stack([latents, noise[:, 4:]], dim=1)[:, None]

    def sample(self, noise):
        latents = noise[:, :4] @ self.mapping
        return latents, torch.stack([latents, noise[:, 4:]], dim=1)[:, None]


def clicks(direction, count, share=0.2, seed=STREAM, flip=0.0):
    """Label the upper ``share`` of a stream's samples along a direction."""
    noise = randomness.draw(seed, range(count), len(direction))
    scores = (noise @ direction).numpy()
    labels = scores >= np.quantile(scores, 1 - share)
    return Feedback(labels ^ (np.random.default_rng(0).random(count) < flip), seed)


def planted():
    direction = torch.tensor([3.0, -1.0, 0.5, 0, 0, 0, 2.0, 0])
    return direction / direction.norm()


def params(**given):
    return DirectionParams(**given)


# --- attributes that are kept -------------------------------------------------------------------------

MALE, BEARD = torch.eye(DIM)[0], torch.eye(DIM)[1]


def men(count, seed=STREAM):
    """42 % men, two in five of them bearded, no bearded woman: what the labels of (N, D) latents are."""
    z = randomness.draw(seed, range(count), DIM)
    return z, *who(z)


def who(z):
    male = z @ MALE > 0.2
    return (male & (z @ BEARD > 0.25)).numpy(), male.numpy()


def bearded(count, **also):
    _, beard, male = men(count)
    return Feedback(beard, STREAM, also={"Male": male, **also})
