"""DCGAN for small images (Radford, Metz, Chintala, arXiv 1511.06434).

Deviations: images of 28 px need three doublings of the resolution, not four; the deployed generator is the exponential
moving average of the trained one (Karras et al. 2018) and measures its own batch-norm statistics; the learning rate
ends in a cosine; convolutions train in bfloat16. The paper (arXiv 2303.05699) gives neither sizes nor training length;
these are ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.api import Batch, Model, Networks, NoiseLatentGenerator, Stateful, TrainingConfig, hookimpl
from bench.toolkit.sharing import shared
from bench.toolkit.training import mixed_precision

STATISTICS_EVERY = 8  # steps between updates of the averaged generator's batch-norm statistics


class DCGANConfig(TrainingConfig):
    """Architecture and training recipe."""

    epochs: float = Field(25, gt=0, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images per step")
    lr: float = Field(4e-4, gt=0, description="Adam's learning rate, generator; cosine to 0 in the second half")
    discriminator_lr: float = Field(
        1e-4, gt=0, description="the same for the discriminator; lower, so that it does not win"
    )
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first-moment decay (Radford et al.)")
    latent_dim: int = Field(16, ge=1, description="length of the latent, which is the noise")
    generator_channels: int = Field(
        64, ge=2, multiple_of=2, description="channels at 7x7; twice as many at 4x4, half as many at 14x14"
    )
    discriminator_channels: int = Field(
        64, ge=2, multiple_of=2, description="channels at 7x7; half as many at 14x14, twice as many at 4x4"
    )
    average: float = Field(0.999, ge=0, lt=1, description="decay per step of the generator's moving average")
    precision: Literal["float32", "bfloat16"] = Field(
        "bfloat16", description="number format of convolutions in training; float32 if the device lacks bfloat16"
    )


class DCGenerator(NoiseLatentGenerator):
    """Latent (N, D) -> (N, 2 c, 4, 4) -> (N, c, 7, 7) -> (N, c / 2, 14, 14) -> (N, 1, 28, 28), for 28 px."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        self.image_shape = config.image_shape
        self.noise_dim = self.latent_dim = config.latent_dim
        colours, height, width = config.image_shape
        c, h, w = config.generator_channels, math.ceil(height / 8), math.ceil(width / 8)
        beyond = (height // 4 + 1) % 2, (width // 4 + 1) % 2  # 4 px lead to 7 px, and with one beyond to 8 px
        self.layers = nn.Sequential(
            nn.Linear(config.latent_dim, 2 * c * h * w, bias=False),
            nn.Unflatten(1, (2 * c, h, w)),
            nn.BatchNorm2d(2 * c),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * c, c, 3, stride=2, padding=1, output_padding=beyond, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.ConvTranspose2d(c, c // 2, 4, stride=2, padding=1, bias=False),  # doubles H and W
            nn.BatchNorm2d(c // 2),
            nn.ReLU(),
            nn.ConvTranspose2d(c // 2, colours, 4, stride=2, padding=1),
        )

    def render(self, latents: Tensor) -> Tensor:
        return torch.sigmoid(self.layers(latents).float())


class DCDiscriminator(nn.Module):
    """Image (N, C, H, W) -> logit (N,) of being real, through (c / 2, 14, 14), (c, 7, 7) and (2 c, 4, 4) for 28 px."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        colours, height, width = config.image_shape
        c = config.discriminator_channels
        self.layers = nn.Sequential(
            nn.Conv2d(colours, c // 2, 4, stride=2, padding=1),  # halves H and W
            nn.LeakyReLU(0.2),
            nn.Conv2d(c // 2, c, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.LeakyReLU(0.2),
            nn.Conv2d(c, 2 * c, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * c),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * c * math.ceil(height / 8) * math.ceil(width / 8), 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits."""
        logits: Tensor = self.layers(images).float()
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

    def build(self, config: DCGANConfig) -> Networks[DCGANConfig]:
        generator, discriminator = DCGenerator(config), DCDiscriminator(config)
        generator.apply(radford_weights)
        discriminator.apply(radford_weights)
        return Networks(config, generator=generator, discriminator=discriminator)

    def optimisers(self, networks: Networks[DCGANConfig]) -> dict[str, Stateful]:
        config = networks.config
        live = deepcopy(cast(nn.Module, networks.generator)).train().requires_grad_(True)
        betas = (config.beta1, 0.999)
        return {
            "live": live,  # what the discriminator sees; networks.generator is its moving average
            "generator": torch.optim.Adam(live.parameters(), config.lr, betas),
            "discriminator": torch.optim.Adam(
                cast(nn.Module, networks.discriminator).parameters(), config.discriminator_lr, betas
            ),
        }

    def training_step(
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
        decay = 0.5 * (1 + math.cos(math.pi * max(0.0, 2 * progress - 1)))
        adam_g.param_groups[0]["lr"] = config.lr * decay
        adam_d.param_groups[0]["lr"] = config.discriminator_lr * decay
        noise = torch.randn(len(images), config.latent_dim, generator=rng, device=images.device)
        with mixed_precision(images.device, config.precision == "bfloat16"):
            fakes = shared(live)(noise)
            loss_d = (
                softplus(-shared(discriminator)(images)).mean() + softplus(shared(discriminator)(fakes.detach())).mean()
            )
        adam_d.zero_grad()
        loss_d.backward()  # type: ignore[no-untyped-call]
        adam_d.step()
        discriminator.requires_grad_(False)
        with mixed_precision(images.device, config.precision == "bfloat16"):
            loss_g = softplus(-shared(discriminator)(fakes)).mean()  # non-saturating (Goodfellow et al. 2014)
        adam_g.zero_grad()
        loss_g.backward()  # type: ignore[no-untyped-call]
        adam_g.step()
        discriminator.requires_grad_(True)
        self._follow(average, live, config.average, noise)
        return {"generator": loss_g.detach(), "discriminator": loss_d.detach()}

    @staticmethod
    @torch.no_grad()
    def _follow(average: DCGenerator, live: nn.Module, decay: float, noise: Tensor) -> None:
        """Move the average towards the live weights; every few steps, update its batch-norm statistics."""
        for mean, current in zip(average.parameters(), live.parameters(), strict=True):
            mean.lerp_(current, 1 - decay)
        counted = next(b for name, b in live.named_buffers() if name.endswith("num_batches_tracked"))
        if int(counted) % STATISTICS_EVERY == 0:
            average(noise)


@hookimpl
def register_models(register):  # type: ignore[no-untyped-def]
    register(DCGAN)
