"""A generator of two bars, and clicks on the brightest left ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from bench.api import Feedback, NoiseLatentGenerator
from bench.core import randomness


class Bars(NoiseLatentGenerator):
    """Two bars of 28 px images: the first latent is how bright the left one is, the second the right one."""

    image_shape, noise_dim, latent_dim = (1, 28, 28), 3, 3

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 784)
        with torch.no_grad():
            self.layer.weight.zero_()
            self.layer.bias.fill_(-2)
            for latent, columns in ((0, slice(4, 10)), (1, slice(18, 24))):
                self.layer.weight.view(28, 28, 3)[6:22, columns, latent] = 2.0

    def render(self, latents):
        return torch.sigmoid(self.layer(latents)).view(-1, 1, 28, 28)


def bars():
    return Bars().eval().requires_grad_(False)


def left(images):
    return images[:, 0, 8:20, 5:9].mean(dim=(1, 2))


def right(images):
    return images[:, 0, 8:20, 19:23].mean(dim=(1, 2))


def clicked(generator, count=400):
    """Click the fifth with the brightest left bar."""
    bright = left(generator(randomness.draw("shown", range(count), generator.noise_dim))).numpy()
    return Feedback(bright >= np.quantile(bright, 0.8), "shown")
