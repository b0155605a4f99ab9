"""Tiny inputs for checks: a generator, its model, a classifier, images, columns; a plug-in's untrained networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench import api
from bench.toolkit.training import build

IMAGE_SHAPE = (1, 28, 28)


class ToyGenerator(api.NoiseLatentGenerator):
    """A tiny generator whose first latent is brightness; its latents lie in two layers, of 1 px and of 2 px."""

    image_shape, noise_dim, latent_dim = IMAGE_SHAPE, 8, 8
    latent_layers = (api.LatentLayer(1, 4, 0), api.LatentLayer(2, 1, 4))

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 28 * 28)
        with torch.no_grad():
            self.layer.weight[:, 0] += 1.0

    def render(self, latents: Tensor) -> Tensor:
        return torch.sigmoid(self.layer(latents)).view(-1, *IMAGE_SHAPE)


class ToyModel(api.Model[api.TrainingConfig]):
    """The recipe around it: match the mean training image."""

    Config = api.TrainingConfig

    def build(self, config: api.TrainingConfig) -> api.Networks[api.TrainingConfig]:
        critic = nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(0))
        return api.Networks(config, generator=ToyGenerator(), encoder=nn.Linear(784, 8), discriminator=critic)

    def optimisers(self, networks: Any) -> dict[str, torch.optim.Optimizer]:
        return {"generator": torch.optim.Adam(networks.generator.parameters(), lr=networks.config.lr)}

    def training_step(self, networks: Any, optimisers: Any, batch: Any, rng: Any, progress: float) -> dict[str, Tensor]:
        noise = torch.randn(len(batch.images), 8, generator=rng)
        loss = (networks.generator(noise) - batch.images).abs().mean()
        optimisers["generator"].zero_grad()
        loss.backward()
        optimisers["generator"].step()
        return {"loss": loss.detach()}

    def batch_loss(self, networks: Any, batch: Any, rng: Any) -> Tensor:
        codes = networks.encoder(batch.images.flatten(1))
        loss: Tensor = (networks.generator(codes) - batch.images).square().sum() / len(batch.images)
        return loss


class ToyClassifier(api.Classifier):
    """Scores brightness."""

    attributes = ("bright",)
    cuts = {"bright": 0.5}

    def scores(self, images: Tensor, attributes: Any) -> NDArray[np.float64]:
        return images.double().mean(dim=(1, 2, 3))[:, None].numpy() / 255


def toy_split(image_shape: tuple[int, int, int]) -> api.Split:
    """Return 32 random images with one attribute."""
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (32, *image_shape), dtype=np.uint8))
    return api.Split(pd.DataFrame({"bright": np.arange(32) % 2}), lambda i: images[torch.from_numpy(i)], "toy")


def degenerate_images(image_shape: tuple[int, int, int] = IMAGE_SHAPE) -> Tensor:
    """Return a blank image, a full one, one with a bar and one with a single pixel: (4, C, H, W) uint8."""
    images = torch.zeros(4, *image_shape, dtype=torch.uint8)
    images[1] = 255
    images[2, :, 10:18, 12:16] = 255
    images[3, :, 14, 14] = 255
    return images


def toy_columns(*, perfect: bool) -> api.Columns:
    """Return columns of 200 samples: all features gone and nothing else touched, or nothing changed at all."""
    rng = np.random.default_rng(0)
    n = 200
    before = np.arange(n) % 5 == 0
    after = np.zeros(n, dtype=bool) if perfect else before
    scores = before + 0.1 * rng.standard_normal(n)
    embeddings = rng.standard_normal((n, 4)).astype(np.float32)
    logits = rng.standard_normal((n, 3)).astype(np.float32)
    attributes = pd.DataFrame({"other": rng.random(n) < 0.3})
    covariance = np.cov(embeddings.astype(np.float64), rowvar=False)
    reference = api.Statistics(embeddings.astype(np.float64).mean(0), covariance, n, "toy")
    change = np.where(before, 0.1, 0.0) if perfect else np.zeros(n)
    inside = np.where(before, rng.random(n) * 0.01 if perfect else 0.1, np.nan)
    return api.Columns(
        labels=after,
        original_labels=before,
        scores=scores * after,
        original_scores=scores,
        identifier_scores=scores,
        pixel_change=change,
        counterfactual_error=np.stack([inside, 0 * inside], axis=1),
        attributes=attributes,
        original_attributes=attributes,
        extractor="toy",
        embeddings=embeddings,
        original_embeddings=embeddings,
        logits=logits,
        original_logits=logits,
        reference=reference,
        reference_retain=reference,
        reference_counterfactual=reference,
        clicker_labels=after,
        clicker_original_labels=before,
        reference_embeddings=rng.standard_normal((n, 4)).astype(np.float32),
        oracle_embeddings=rng.standard_normal((n, 4)).astype(np.float32),
    )


def toy_images(image_shape: tuple[int, int, int], *, perfect: bool) -> tuple[Tensor, Tensor]:
    """Return (200, C, H, W) uint8 images that fit ``toy_columns``: a bar is the feature; the original's come first."""
    noise = torch.rand((200, *image_shape), generator=torch.Generator().manual_seed(0))
    plain = (noise * 100).to(torch.uint8)
    original = plain.clone()
    original[::5, :, 10:18, 12:16] = 255
    return original, plain if perfect else original.clone()


def untrained(cls: type[Any]) -> api.Networks[Any]:
    """Build a plug-in's networks by its default configuration, in eval mode, gradients off."""
    networks: api.Networks[Any] = build(cls(), cls.Config(), "check")
    return frozen(networks)


def frozen(networks: api.Networks[Any]) -> api.Networks[Any]:
    """Put networks in eval mode, gradients off."""
    for module in networks.modules().values():
        module.eval().requires_grad_(False)
    return networks
