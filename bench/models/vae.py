"""Vanilla VAE with a small convolutional decoder (Kingma and Welling, arXiv 1312.6114).

The likelihood is Bernoulli. The paper (arXiv 2303.05699, Sec. 4.1) calls its MNIST model "vanilla VAE" and gives no
sizes; these are ours, small enough for unlearning on two CPU cores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from bench.api import Batch, Model, Networks, NoiseLatentGenerator, Stateful, TrainingConfig, hookimpl
from bench.toolkit.sharing import shared

WARM_UP = 0.01  # share of the training during which the learning rate rises


class VAEConfig(TrainingConfig):
    """Architecture and training recipe."""

    epochs: float = Field(50, gt=0, description="passes over the training images")
    batch_size: int = Field(128, ge=1, description="images per step")
    lr: float = Field(1e-3, gt=0, description="Adam's peak learning rate; rises in the first 1 %, then cosine to 0")
    latent_dim: int = Field(12, ge=1, description="length of the latent, which is the noise")
    encoder_widths: tuple[int, ...] = Field((256, 256), description="units of the encoder's hidden layers")
    decoder_width: int = Field(256, ge=1, description="units of the decoder's hidden layer")
    decoder_channels: int = Field(32, ge=2, multiple_of=2, description="channels at 7x7; half as many at 14x14")
    kl_weight: float = Field(1.0, gt=0, description="weight of the KL divergence in the loss (1: the ELBO)")


class Decoder(NoiseLatentGenerator):
    """Latent (N, D) -> two dense layers -> (N, C, H/4, W/4) -> two transposed convolutions -> image."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.image_shape = config.image_shape
        self.noise_dim = self.latent_dim = config.latent_dim
        channels, height, width = config.image_shape
        deep = config.decoder_channels
        self.layers = nn.Sequential(
            nn.Linear(config.latent_dim, config.decoder_width),
            nn.ReLU(),
            nn.Linear(config.decoder_width, deep * (height // 4) * (width // 4)),
            nn.ReLU(),
            nn.Unflatten(1, (deep, height // 4, width // 4)),
            nn.ConvTranspose2d(deep, deep // 2, 4, stride=2, padding=1),  # doubles H and W
            nn.ReLU(),
            nn.ConvTranspose2d(deep // 2, channels, 4, stride=2, padding=1),
        )

    def logits(self, latents: Tensor) -> Tensor:
        """Map latents (N, D) to the logits (N, C, H, W) of the Bernoulli likelihood."""
        images: Tensor = self.layers(latents)
        return images

    def render(self, latents: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(latents))


class Encoder(nn.Module):
    """Image (N, C, H, W) in [0, 1] -> mean and log variance of q(z | x), each (N, D)."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths = (math.prod(config.image_shape), *config.encoder_widths)
        hidden: list[nn.Module] = []
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            hidden += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(widths[-1], 2 * config.latent_dim))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, each (N, D)."""
        mean, log_variance = self.layers(images).chunk(2, dim=1)
        return mean, log_variance


class VAE(Model[VAEConfig]):
    """The VAE and its training recipe."""

    Config = VAEConfig

    def build(self, config: VAEConfig) -> Networks[VAEConfig]:
        return Networks(config, generator=Decoder(config), encoder=Encoder(config))

    def optimisers(self, networks: Networks[VAEConfig]) -> dict[str, Stateful]:
        parameters = [p for module in networks.modules().values() for p in module.parameters()]
        return {"adam": Adam(parameters, networks.config.lr)}

    def training_step(
        self,
        networks: Networks[VAEConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        config, adam, images = networks.config, optimisers["adam"], batch.images
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        adam.param_groups[0]["lr"] = config.lr * cosine * min(1.0, 0.02 + progress / WARM_UP)
        reconstruction, divergence = self._bound(networks, images, rng)
        adam.zero_grad()
        (reconstruction + config.kl_weight * divergence).backward()  # type: ignore[no-untyped-call]
        adam.step()
        return {"reconstruction": reconstruction.detach(), "kl": divergence.detach()}

    def batch_loss(self, networks: Networks[VAEConfig], batch: Batch, rng: torch.Generator) -> Tensor:
        reconstruction, divergence = self._bound(networks, batch.images, rng)
        return reconstruction + networks.config.kl_weight * divergence

    @staticmethod
    def _bound(networks: Networks[VAEConfig], images: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return both parts of the negative ELBO, nats per image (Kingma and Welling, Eq. 10, App. B)."""
        decoder, encoder = cast(Decoder, networks.generator), cast(Encoder, networks.encoder)
        mean, log_variance = shared(encoder)(images)  # (N, D) each
        unit = torch.randn(mean.shape, generator=rng, device=mean.device)
        logits = shared(decoder.logits, decoder)(mean + (0.5 * log_variance).exp() * unit)  # (N, C, H, W)
        # -ELBO = E[-log p(x|z)] + KL(q(z|x) || N(0, I))
        reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
        divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum() / len(images)
        return reconstruction, divergence


@hookimpl
def register_models(register):  # type: ignore[no-untyped-def]
    register(VAE)
