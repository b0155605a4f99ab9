"""A foreign module wrapped as a plug-in; tests change the module, or what the wrapper does with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench.api import Networks, NoiseLatentGenerator, Params, Pretrained, hookimpl


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 12), nn.Linear(12, 64)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.last(torch.relu(self.first(z)))).view(-1, 1, 8, 8)


class Generator(NoiseLatentGenerator):
    image_shape, noise_dim, latent_dim = (1, 8, 8), 6, 6

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def render(self, latents: Tensor) -> Tensor:
        images: Tensor = self.net(latents)
        return images


class Wrapped(Pretrained[Params]):
    def build(self, config: Params) -> Networks[Params]:
        return Networks(config, generator=Generator())


@hookimpl
def register_models(register: Any) -> None:
    register(Wrapped)
