"""The MNIST VAE of Mandal and Gottwald (arXiv 2506.04712), rebuilt from the shapes of its weights.

One hidden layer of 400 with batch norm on each side, two latents, Bernoulli pixels. The weights are those of
github.com/pinakm9/forget at 100893f, data/MNIST/vae/vae_200.pth (CC BY 4.0); they are not part of this project. Their
training is Adam at 1e-3 on the negative ELBO summed over the batch; the mean, as here, is the same to Adam.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, Model, Networks, NoiseLatentGenerator, Stateful, TrainingConfig, hookimpl

PIXELS, HIDDEN, LATENTS = 784, 400, 2


def _hidden(inputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()]


class Decoder(NoiseLatentGenerator):
    """Latent (N, 2) -> pixel probabilities (N, 1, 28, 28)."""

    image_shape, noise_dim, latent_dim = (1, 28, 28), LATENTS, LATENTS

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Sequential(*_hidden(LATENTS), nn.Linear(HIDDEN, PIXELS), nn.Sigmoid())

    def render(self, latents: Tensor) -> Tensor:
        images: Tensor = self.decoder(latents)
        return images.view(-1, 1, 28, 28)


class Encoder(nn.Module):
    """Image (N, 1, 28, 28) -> mean and log variance of q(z | x), each (N, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*_hidden(PIXELS))
        self.enc_mu, self.enc_log_sigma = nn.Linear(HIDDEN, LATENTS), nn.Linear(HIDDEN, LATENTS)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.encoder(images.flatten(1))
        return self.enc_mu(seen), self.enc_log_sigma(seen)


class ForgetVae(Model[TrainingConfig]):
    """The VAE and its training recipe."""

    Config = TrainingConfig

    def build(self, config: TrainingConfig) -> Networks[TrainingConfig]:
        return Networks(config, generator=Decoder(), encoder=Encoder())

    def optimisers(self, networks: Networks[TrainingConfig]) -> dict[str, Stateful]:
        parameters = [p for module in networks.modules().values() for p in module.parameters()]
        return {"adam": torch.optim.Adam(parameters, networks.config.lr)}

    def training_step(
        self,
        networks: Networks[TrainingConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        loss = self.batch_loss(networks, batch, rng)
        optimisers["adam"].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimisers["adam"].step()
        return {"loss": loss.detach()}

    def batch_loss(self, networks: Networks[TrainingConfig], batch: Batch, rng: torch.Generator) -> Tensor:
        """Return the negative ELBO, nats per image."""
        assert networks.generator is not None and networks.encoder is not None
        mean, log_variance = networks.encoder(batch.images)
        unit = torch.randn(mean.shape, generator=rng, device=mean.device)
        drawn = networks.generator(mean + (0.5 * log_variance).exp() * unit)
        reconstruction = F.binary_cross_entropy(drawn, batch.images, reduction="sum")
        divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum()
        return (reconstruction + divergence) / len(batch.images)


@hookimpl
def register_models(register):  # type: ignore[no-untyped-def]
    register(ForgetVae)
