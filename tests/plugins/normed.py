"""A module with a buffer of integers and shared weights, which is the generator itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench.api import Networks, NoiseLatentGenerator, Params, Pretrained, hookimpl


class Generator(NoiseLatentGenerator):
    image_shape, noise_dim, latent_dim = (1, 8, 8), 8, 8

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 64)
        self.second = self.first

    def render(self, latents: Tensor) -> Tensor:
        return torch.sigmoid(self.last(self.norm(self.second(self.first(latents))))).view(-1, 1, 8, 8)


class Normed(Pretrained[Params]):
    def build(self, config: Params) -> Networks[Params]:
        assert torch.linspace(0, 1, 3)[1].item() == 0.5  # needs real numbers
        return Networks(config, generator=Generator())


@hookimpl
def register_models(register: Any) -> None:
    register(Normed)
