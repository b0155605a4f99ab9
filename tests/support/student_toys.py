"""A generator whose first latent is brightness, and the direction in which it grows."""

from __future__ import annotations

import torch
from torch import nn

from bench.api import NoiseLatentGenerator
from bench.api.context import Context
from bench.toolkit.latent import Direction


class Brightness(NoiseLatentGenerator):
    """The first latent is brightness."""

    image_shape, noise_dim, latent_dim = (1, 28, 28), 3, 3

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 784)
        with torch.no_grad():
            self.layer.weight.copy_(0.1 * torch.randn(784, 3, generator=torch.Generator().manual_seed(0)))
            self.layer.weight[:, 0] = 2.0
            self.layer.bias.zero_()

    def render(self, latents):
        return torch.sigmoid(self.layer(latents)).view(-1, 1, 28, 28)


def upward(dim=3):
    direction = Direction(dim)
    direction.unit[0] = 1.0
    direction.length.fill_(1.0)
    return direction


def context(stream="test"):
    return Context(stream=stream, device=torch.device("cpu"))
