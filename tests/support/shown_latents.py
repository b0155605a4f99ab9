"""Samples with clicks on them: a toy generator of layered latents, and who was clicked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from bench.api import Generator
from bench.api.feedback import Feedback
from bench.core import randomness

DIM = 12


class Blocks(Generator):
    """Three layers of stretched noise; counts the samples it draws. The last latent never varies."""

    image_shape, noise_dim, latent_dim = (1, 1, DIM), DIM, DIM
    latent_layers = tuple(
        SimpleNamespace(resolution=px, start=start, stop=stop) for px, start, stop in ((1, 0, 3), (4, 3, 8), (1, 8, 12))
    )

    def __init__(self):
        super().__init__()
        self.stretch = nn.Parameter(torch.tensor([0.1, 1, 5, 1, 2, 0.5, 1, 1, 3, 1, 1, 0]), requires_grad=False)
        self.drawn = 0

    def decode(self, latents, noise):
        return latents.view(-1, 1, 1, DIM)

    def sample(self, noise):
        self.drawn += len(noise)
        latents = noise * self.stretch + 0.3
        return latents, self.decode(latents, noise)


def clicked(count, share=0.3, also=()):
    noise = randomness.draw("shown", range(count), DIM)
    labels = {name: (noise[:, i] > np.quantile(noise[:, i], 1 - share)).numpy() for i, name in enumerate(also)}
    scores = noise[:, 1] + noise[:, 4]
    return Feedback((scores > scores.quantile(1 - share)).numpy(), "shown", also=labels)


def whole(feedback):
    return Blocks().sample(feedback.noise(0, len(feedback), DIM))[0].double().numpy()
