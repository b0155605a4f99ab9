"""Very deep VAE: latents from 1 px to full size, drawn top-down (Child 2021, arXiv 2011.10650).

Its latent is the concatenated z of all blocks, drawn by ancestral sampling from per-block noise. ``preset`` selects a
size for two CPU cores (lite, 64 px) or a published one. Our additions shorten the training and are off in the
published presets: coarse latents open first (``open_from``); shapes are learned before shades (one logistic per pixel,
the floor of whose scale falls); jumps between 1 and 4 px are learned; the prior is bounded; fine resolutions have fewer
latent channels; features end at 32 px, with 2x2 pixels each. The deployed networks are moving averages, whose decay
starts at 0 and rises with the steps n as min(average, n / (n + 10)) in every preset; openai/vdvae's is constant.

``architecture`` (layer strings) -> ``config`` (and the published sizes) -> ``blocks`` -> ``networks`` (generator,
encoder) -> ``mixture`` (the likelihood) -> ``objective`` (ELBO, its weights, bits per dimension).

Structure and names follow github.com/openai/vdvae (commit ea35b49, MIT), so that its checkpoints map one to one:

    official                            here
    encoder.in_conv, encoder.enc_blocks encoder.in_conv, encoder.enc_blocks
    decoder.dec_blocks.<i>.enc          encoder.posteriors.<i>    (only inference needs it)
    decoder.<all else>                  generator.<all else>      (and generator.opened = 1)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import get_ema_multi_avg_fn

from bench.api import Batch, Model, Networks, Stateful, hookimpl
from bench.toolkit.augmentation import random_flip
from bench.toolkit.sharing import shared
from bench.toolkit.training import mixed_precision

from .config import VDVAEConfig
from .networks import Encoder, VDVAEGenerator
from .objective import Bound, bound, training_loss

PATIENCE = 100  # skipped steps in a row after which the training counts as diverged


class Counters(nn.Module):
    """Counts the steps that were done, and those skipped since the last of them."""

    done: Tensor
    skipped: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("done", "skipped"):
            self.register_buffer(name, torch.zeros((), dtype=torch.int64))

    def count(self, skipped: bool) -> None:
        """Count one step."""
        if skipped:
            self.skipped += 1
        else:
            self.done += 1
            self.skipped.zero_()


class VDVAE(Model[VDVAEConfig]):
    """The VDVAE and its training recipe."""

    Config = VDVAEConfig

    def build(self, config: VDVAEConfig) -> Networks[VDVAEConfig]:
        return Networks(config, generator=VDVAEGenerator(config), encoder=Encoder(config))

    def optimisers(self, networks: Networks[VDVAEConfig]) -> dict[str, Stateful]:
        config = networks.config
        live = {f"live {name}": deepcopy(m).train().requires_grad_(True) for name, m in networks.modules().items()}
        parameters = [p for module in live.values() for p in module.parameters()]
        betas = (config.beta1, config.beta2)
        adam = torch.optim.AdamW(parameters, config.lr, betas, weight_decay=config.weight_decay, fused=True)
        return {**live, "adam": adam, "counters": Counters()}

    def training_step(
        self,
        networks: Networks[VDVAEConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        config, images = networks.config, batch.images
        if config.flip:
            images = random_flip(images, rng)
        average, encoder_average = cast(VDVAEGenerator, networks.generator), cast(Encoder, networks.encoder)
        live, encoder = optimisers["live generator"], optimisers["live encoder"]
        adam, counters = optimisers["adam"], optimisers["counters"]
        opened = max(progress, float(average.opened))  # share of the schedules; retraining starts after them
        average.opened.fill_(opened)
        live.opened.fill_(opened)
        adam.param_groups[0]["lr"] = learning_rate(config, int(counters.done), progress)
        noise = torch.randn(len(images), live.noise_dim, generator=rng, device=images.device)
        with mixed_precision(images.device, config.bfloat16):
            parts = shared(bound, live, encoder)(live, encoder, images, noise, config.bits)
            loss = training_loss(parts, config, opened)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(clip_grad_norm_([*live.parameters(), *encoder.parameters()], config.grad_clip))
        skip = not norm < config.skip_threshold  # NaN too
        counters.count(skip)
        if not skip:
            adam.step()
            decay = average_decay(config, int(counters.done))
            follow(average, live, decay)
            follow(encoder_average, encoder, decay)
        return report(parts, loss, norm, int(counters.skipped))

    def batch_loss(self, networks: Networks[VDVAEConfig], batch: Batch, rng: torch.Generator) -> Tensor:
        generator, images = cast(VDVAEGenerator, networks.generator), batch.images
        noise = torch.randn(len(images), generator.noise_dim, generator=rng, device=images.device)
        parts = bound(generator, cast(Encoder, networks.encoder), images, noise, networks.config.bits)
        return parts.dimensions * training_loss(parts, networks.config, float(generator.opened))  # nats per image


def learning_rate(config: VDVAEConfig, done: int, progress: float) -> float:
    """Return the learning rate of a step: linear warm-up, constant, then a cosine to 0 from ``decay_from`` on."""
    late = (progress - config.decay_from) / (1 - config.decay_from) if progress > config.decay_from else 0.0
    return config.lr * min(1.0, (done + 1) / (config.warmup_steps + 1)) * 0.5 * (1 + math.cos(math.pi * late))


def average_decay(config: VDVAEConfig, done: int) -> float:
    """Return the moving average's decay after n = ``done`` steps: min(average, n / (n + 10)).

    It forgets the initial weights in the first steps; 0.999 is reached after 9,990. openai/vdvae has no such warm-up.
    """
    return min(config.average, done / (done + 10))


def follow(average: nn.Module, live: nn.Module, decay: float) -> None:
    """Move the average towards the live weights."""
    move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    move(list(average.parameters()), list(live.parameters()), None)


def report(parts: Bound, loss: Tensor, norm: float, skipped: int) -> dict[str, Tensor]:
    """Return the values to log: bits per dimension, KL by resolution (nats per image), gradient norm, skipped steps.

    Values of a skipped step that are not finite are left out, until ``PATIENCE`` skipped steps in a row stop the
    training.
    """
    values = {"loss": loss.detach(), "bits_per_dim": parts.bits_per_dimension().detach().mean()}
    values |= {f"kl_{resolution}px": rate.detach().mean() for resolution, rate in parts.rates.items()}
    values |= {"gradient_norm": torch.tensor(norm), "skipped": torch.tensor(float(skipped))}
    if skipped >= PATIENCE:
        return values | {"gradient_norm": torch.tensor(math.inf)}
    return {name: value for name, value in values.items() if torch.isfinite(value)} if skipped else values


@hookimpl
def register_models(register):  # type: ignore[no-untyped-def]
    register(VDVAE)
