"""Progressively growing GAN, 4x4 to 1024x1024 (Karras et al. 2018, arXiv 1710.10196).

Deviations: widths and training length are ours (options for the published ones: fmap_base=8192, fmap_max=512,
latent_dim=512, loss=wgan-gp, precision=float32). Every layer is scaled by He's constant with a gain of sqrt(2), as in
facebookresearch/pytorch_GAN_zoo; in the authors' code the gain of ``to_rgb`` and of the critic's last layer is 1, that
of the generator's dense layer sqrt(2) / 4. Generator and critic learn from the same fakes, and the batch size is the
same at every resolution. The default loss is non-saturating with lazy R1, because it is cheaper: on one CPU thread a
step of 32 images at 64x64 takes 0.9 s on average, a WGAN-GP step 1.4 s (CPU time). Trials of equal cost, far from
convergence, showed no difference between the two. gamma and penalty_every are ours. On that thread bfloat16 is 1.7
times faster than float32. Weights that have reached full size (method ``retrain``) do not grow again.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal, Self, cast

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.api import Batch, Model, Networks, Stateful, TrainingConfig, hookimpl
from bench.toolkit.adversarial import logistic_loss, wasserstein_loss
from bench.toolkit.augmentation import random_flip
from bench.toolkit.sharing import shared
from bench.toolkit.training import mixed_precision

from .adaptive import Augmentation
from .progressive import (
    BASE,
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    channel_widths,
    level_at,
)

LARGEST = 1024  # pixels, as published


class ProgGANConfig(TrainingConfig):
    """Architecture and training recipe."""

    image_shape: tuple[int, int, int] = Field((3, 64, 64), description="(C, H, W), px; H = W = 4, 8, 16, ... 1024")
    epochs: float = Field(10, gt=0, description="passes over the training images, over all resolutions")
    batch_size: int = Field(32, ge=1, description="images per step, preferably a multiple of `group`")
    lr: float = Field(2e-3, gt=0, description="Adam's learning rate for both networks (published: 1e-3)")
    beta1: float = Field(0.0, ge=0, lt=1, description="Adam's first-moment decay (published: 0)")
    beta2: float = Field(0.99, ge=0, lt=1, description="Adam's second-moment decay (published: 0.99)")
    latent_dim: int = Field(128, ge=1, description="length of the latent, which is the noise (published: 512)")
    fmap_base: int = Field(1024, ge=2, description="channels: fmap_base / 2 at 4x4, then halved (published: 8192)")
    fmap_max: int = Field(128, ge=1, description="largest number of channels (published: 512)")
    flip: bool = Field(False, description="mirror half of the training images left to right")
    augmentation: float = Field(
        0.0,
        ge=0,
        le=1,
        description="r1: augment what the critic sees, as often as keeps the mean sign of its scores of training "
        "images here (ADA, published: 0.6), so that it does not learn few images by heart; 0: never",
    )
    growth: float = Field(0.5, gt=0, le=0.9, description="share of the training until the full size has faded in")
    fade: float = Field(0.5, gt=0, le=1, description="share of each resolution's images during which it fades in")
    loss: Literal["r1", "wgan-gp"] = Field("r1", description="non-saturating with lazy R1, or WGAN-GP (published)")
    gradient_weight: float = Field(10.0, ge=0, description="wgan-gp: weight of the gradient penalty (published: 10)")
    drift: float = Field(0.001, ge=0, description="wgan-gp: weight of the reals' squared scores (published: 0.001)")
    gamma: float = Field(1.0, ge=0, description="r1: weight of half the squared gradient at reals in [-1, 1]")
    penalty_every: int = Field(8, ge=1, description="r1: one penalty every so many steps, weighted by that number")
    group: int = Field(4, ge=1, description="samples per group of the minibatch standard deviation (published: 4)")
    average: float = Field(0.999, ge=0, lt=1, description="decay per step of the moving average (published: 0.999)")
    precision: Literal["float32", "bfloat16"] = Field(
        "bfloat16", description="number format of convolutions in training; float32 if the device lacks bfloat16"
    )

    @field_validator("image_shape")
    @classmethod
    def _square_power_of_two(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        sizes = [BASE << level for level in range(LARGEST.bit_length()) if BASE << level <= LARGEST]
        if shape[0] < 1 or shape[1] != shape[2] or shape[1] not in sizes:
            raise ValueError(f"(C, H, W) must have H = W in {sizes}; got {shape}")
        return shape

    @model_validator(mode="after")
    def _signs_mean_something(self) -> Self:
        if self.augmentation > 0 and self.loss != "r1":
            raise ValueError(f"augmentation needs loss=r1: scores of {self.loss} have no zero point")
        return self


class ProgGAN(Model[ProgGANConfig]):
    """The progressive GAN and its training recipe."""

    Config = ProgGANConfig

    def build(self, config: ProgGANConfig) -> Networks[ProgGANConfig]:
        shape = config.image_shape
        widths = channel_widths(shape[1], config.fmap_base, config.fmap_max)
        return Networks(
            config,
            generator=ProgressiveGenerator(shape, config.latent_dim, widths),
            discriminator=ProgressiveDiscriminator(shape, widths, config.group),
        )

    def optimisers(self, networks: Networks[ProgGANConfig]) -> dict[str, Stateful]:
        config = networks.config
        live = deepcopy(cast(nn.Module, networks.generator)).train().requires_grad_(True)
        critic = cast(nn.Module, networks.discriminator)
        betas = (config.beta1, config.beta2)
        return {
            "augmentation": Augmentation(config.augmentation).to(next(critic.parameters()).device),
            "live": live,  # what the critic sees; networks.generator is its moving average
            "generator": torch.optim.Adam(live.parameters(), config.lr, betas, eps=1e-8),
            "discriminator": torch.optim.Adam(critic.parameters(), config.lr, betas, eps=1e-8),
        }

    def training_step(
        self,
        networks: Networks[ProgGANConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        config, device = networks.config, batch.images.device
        average = cast(ProgressiveGenerator, networks.generator)
        critic = cast(ProgressiveDiscriminator, networks.discriminator)
        live, adam_g, adam_d = optimisers["live"], optimisers["generator"], optimisers["discriminator"]
        augment = cast(Augmentation, optimisers["augmentation"])
        # Never shrink: weights that are trained further (method retrain) already have full size.
        level = max(live.level, level_at(progress, live.top, config.growth, config.fade))
        live.level = critic.level = average.level = level
        reals = critic.prepare(random_flip(batch.images, rng) if config.flip else batch.images)  # (N, C, R, R)
        noise = torch.randn(len(reals), config.latent_dim, generator=rng, device=device)
        done = int(adam_d.state.get(critic.decision.bias, {}).get("step", 0))  # counts every step, also after resuming
        with mixed_precision(device, config.precision == "bfloat16"):
            fakes = shared(live.signed, live)(noise)  # (N, C, R, R)
            loss_d = self._critic_loss(config, critic, augment, reals, fakes.detach(), rng, done)
        adam_d.zero_grad()
        loss_d.backward()  # type: ignore[no-untyped-call]
        adam_d.step()
        critic.requires_grad_(False)
        with mixed_precision(device, config.precision == "bfloat16"):
            scores = shared(critic.score, critic, group=config.group)(augment(fakes, rng))
        loss_g = -scores.mean() if config.loss == "wgan-gp" else softplus(-scores).mean()
        adam_g.zero_grad()
        loss_g.backward()  # type: ignore[no-untyped-call]
        adam_g.step()
        critic.requires_grad_(True)
        # At first, average over fewer steps (as tf.train.ExponentialMovingAverage does with num_updates).
        follow(average, live, min(config.average, (1 + done) / (10 + done)))
        losses = {"generator": loss_g.detach(), "discriminator": loss_d.detach(), "level": torch.tensor(level)}
        return losses | augment.report()

    @staticmethod
    def _critic_loss(
        config: ProgGANConfig,
        critic: ProgressiveDiscriminator,
        augment: Augmentation,
        reals: Tensor,
        fakes: Tensor,
        rng: torch.Generator,
        done: int,
    ) -> Tensor:
        if config.loss == "wgan-gp":
            return wasserstein_loss(
                shared(critic.score, critic, group=config.group),
                reals,
                fakes,
                rng,
                config.gradient_weight,
                config.drift,
            )
        weight = config.gamma / 2 * config.penalty_every if done % config.penalty_every == 0 else 0.0
        return logistic_loss(
            shared(critic.score, critic, group=config.group),
            augment(reals, rng),
            augment(fakes, rng),
            weight,
            augment.adapt,
        )


@torch.no_grad()
def follow(average: nn.Module, live: nn.Module, decay: float) -> None:
    """Move the average's parameters towards the live ones (Karras et al. 2018, appendix A.1)."""
    for mean, current in zip(average.parameters(), live.parameters(), strict=True):
        mean.lerp_(current, 1 - decay)


@hookimpl
def register_models(register):  # type: ignore[no-untyped-def]
    register(ProgGAN)
