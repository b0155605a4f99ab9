"""A DCGAN (Radford, Metz, Chintala, arXiv 1511.06434) for small images: transposed convolutions, batch norm, Adam.

Deviations: two resolutions instead of four (28 px), the deployed generator is the exponential moving average of
the trained one (Karras et al. 2018), whose batch-norm statistics are its own, and the learning rate ends in a
cosine. The paper (arXiv 2303.05699) gives neither sizes nor training length; these are ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.api import Batch, Model, Networks, NoiseLatentGenerator, Stateful, TrainingConfig, hookimpl

STATISTICS_EVERY = 8  # steps between two batches on which the averaged generator's batch-norm statistics follow


class DCGANConfig(TrainingConfig):
    """Architecture and training recipe."""

    epochs: float = Field(40, gt=0, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images per step")
    lr: float = Field(4e-4, gt=0, description="Adam's learning rate for both networks; cosine to 0 in the second half")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first-moment decay (Radford et al.)")
    latent_dim: int = Field(16, ge=1, description="length of the latent, which is the noise")
    generator_channels: int = Field(64, ge=2, multiple_of=2, description="at 7x7; half of them at 14x14")
    discriminator_channels: int = Field(64, ge=2, multiple_of=2, description="at 7x7; half of them at 14x14")
    average: float = Field(0.999, ge=0, lt=1, description="decay per step of the generator's moving average")


class DCGenerator(NoiseLatentGenerator):
    """Latent (N, D) -> (N, c, H/4, W/4) -> (N, c/2, H/2, W/2) -> image."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        self.image_shape = config.image_shape
        self.noise_dim = self.latent_dim = config.latent_dim
        channels, height, width = config.image_shape
        deep, h, w = config.generator_channels, height // 4, width // 4
        self.layers = nn.Sequential(
            nn.Linear(config.latent_dim, deep * h * w, bias=False),
            nn.Unflatten(1, (deep, h, w)),
            nn.BatchNorm2d(deep),
            nn.ReLU(),
            nn.ConvTranspose2d(deep, deep // 2, 4, stride=2, padding=1, bias=False),  # doubles H and W
            nn.BatchNorm2d(deep // 2),
            nn.ReLU(),
            nn.ConvTranspose2d(deep // 2, channels, 4, stride=2, padding=1),
        )

    def render(self, latents: Tensor) -> Tensor:  # noqa: D102 (inherited)
        return torch.sigmoid(self.layers(latents))


class DCDiscriminator(nn.Module):
    """Image (N, C, H, W) -> logit (N,) of being real."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        channels, height, width = config.image_shape
        deep = config.discriminator_channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, deep // 2, 4, stride=2, padding=1),  # halves H and W
            nn.LeakyReLU(0.2),
            nn.Conv2d(deep // 2, deep, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(deep),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(deep * (height // 4) * (width // 4), 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits."""
        logits: Tensor = self.layers(images)
        return logits[:, 0]


def radford_weights(module: nn.Module) -> None:
    """Initialise weights from N(0, 0.02), batch-norm scales from N(1, 0.02) (Radford et al., section 4)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class DCGAN(Model[DCGANConfig]):
    """The DCGAN and its training recipe."""

    Config = DCGANConfig

    def build(self, config: DCGANConfig) -> Networks[DCGANConfig]:  # noqa: D102 (inherited)
        generator, discriminator = DCGenerator(config), DCDiscriminator(config)
        generator.apply(radford_weights)
        discriminator.apply(radford_weights)
        return Networks(config, generator=generator, discriminator=discriminator)

    def optimisers(self, networks: Networks[DCGANConfig]) -> dict[str, Stateful]:  # noqa: D102 (inherited)
        config = networks.config
        live = deepcopy(cast(nn.Module, networks.generator)).train().requires_grad_(True)
        betas = (config.beta1, 0.999)
        return {
            "live": live,  # what the adversary sees; networks.generator is its moving average
            "generator": torch.optim.Adam(live.parameters(), config.lr, betas),
            "discriminator": torch.optim.Adam(cast(nn.Module, networks.discriminator).parameters(), config.lr, betas),
        }

    def training_step(  # noqa: D102 (inherited)
        self,
        networks: Networks[DCGANConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        config, images = networks.config, batch.images
        average, discriminator = cast(DCGenerator, networks.generator), cast(DCDiscriminator, networks.discriminator)
        live, adam_g, adam_d = optimisers["live"], optimisers["generator"], optimisers["discriminator"]
        for adam in (adam_g, adam_d):
            adam.param_groups[0]["lr"] = config.lr * min(1.0, 0.5 * (1 + math.cos(math.pi * (2 * progress - 1))))
        noise = torch.randn(len(images), config.latent_dim, generator=rng, device=images.device)
        fakes = live(noise)
        loss_d = softplus(-discriminator(images)).mean() + softplus(discriminator(fakes.detach())).mean()
        adam_d.zero_grad()
        loss_d.backward()  # type: ignore[no-untyped-call]
        adam_d.step()
        discriminator.requires_grad_(False)
        loss_g = softplus(-discriminator(fakes)).mean()  # non-saturating (Goodfellow et al. 2014)
        adam_g.zero_grad()
        loss_g.backward()  # type: ignore[no-untyped-call]
        adam_g.step()
        discriminator.requires_grad_(True)
        self._follow(average, live, config.average, noise)
        return {"generator": loss_g.detach(), "discriminator": loss_d.detach()}

    @staticmethod
    @torch.no_grad()
    def _follow(average: DCGenerator, live: nn.Module, decay: float, noise: Tensor) -> None:
        """Move the average towards the live weights; every few steps it measures its own batch statistics."""
        for mean, current in zip(average.parameters(), live.parameters(), strict=True):
            mean.lerp_(current, 1 - decay)
        counted = next(b for name, b in live.named_buffers() if name.endswith("num_batches_tracked"))
        if int(counted) % STATISTICS_EVERY == 0:
            average(noise)


@hookimpl
def register_models(register):  # type: ignore[no-untyped-def]  # noqa: D103
    register(DCGAN)
