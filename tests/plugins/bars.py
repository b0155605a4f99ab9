"""Bars: width, lean and place follow three of the six latents, so that what an oracle measures is planted."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench.api import Batch, Model, Networks, NoiseLatentGenerator, TrainingConfig, hookimpl


class Decoder(NoiseLatentGenerator):
    noise_dim = latent_dim = 6

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.layer = nn.Linear(6, 3)
        with torch.no_grad():
            self.layer.weight.zero_()
            self.layer.weight[0, 0], self.layer.weight[1, 1], self.layer.weight[2, 2] = 0.5, 0.25, 1.0
            self.layer.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))

    def render(self, latents: Tensor) -> Tensor:
        width, lean, place = self.layer(latents).unbind(1)
        y, x = torch.meshgrid(torch.arange(28.0) - 13.5, torch.arange(28.0) - 13.5, indexing="ij")
        away = (x - place[:, None, None] + lean[:, None, None] * y).abs()
        inside = torch.sigmoid(4 * (width[:, None, None] - away)) * torch.sigmoid(4 * (9 - y.abs()))
        return inside[:, None]


class Bars(Model[TrainingConfig]):
    Config = TrainingConfig

    def build(self, config: TrainingConfig) -> Networks[TrainingConfig]:
        return Networks(config, generator=Decoder(config.image_shape), encoder=nn.Linear(784, 6))

    def optimisers(self, networks: Networks[TrainingConfig]) -> dict[str, Any]:
        assert networks.generator is not None
        return {"adam": torch.optim.Adam(networks.generator.parameters(), lr=networks.config.lr)}

    def training_step(
        self,
        networks: Networks[TrainingConfig],
        optimisers: Any,
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        assert networks.generator is not None
        drawn = networks.generator(torch.randn(len(batch.images), 6, generator=rng))
        loss = (drawn - batch.images).abs().mean()
        optimisers["adam"].zero_grad()
        loss.backward()
        optimisers["adam"].step()
        return {"loss": loss.detach()}


@hookimpl
def register_models(register: Any) -> None:
    register(Bars)
