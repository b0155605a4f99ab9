"""Selective Amnesia: flagged latents learn to draw a surrogate, while replay and a Fisher penalty keep the rest.

    L = -weight E log p(s | z, theta)                z flagged, s from a surrogate distribution
        -gamma  E log p(f(z) | z, theta)             z not flagged: generative replay of the original f
        + lambda / 2 sum F (theta - theta_0)^2       F: diagonal Fisher information at the original theta_0

Heng, Soh: Selective Amnesia: A Continual Learning Approach to Forgetting in Deep Generative Models (NeurIPS 2023,
arXiv 2305.10120), Eq. 6 and 7, with log p(x | z, theta) = -1/2 |x - g(z)|^2. The published lambda of a VAE, 100, its
gamma, 1, and its learning rate are the defaults.

Deviations: the published generators are conditional, and a class is to go. Here none is, so a latent direction from the
clicks flags the latents that stand for the class. ``surrogate=noise`` is the published surrogate, uniform noise images;
the default is f(erased(z)), since a sampler without classes would draw the noise. F is of N(g(z), 1 per pixel). The
published training takes 10,000 steps of 256 samples. Both sums are divided by the whole batch: ``weight`` acts times
the flagged share, ``gamma`` times the share of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.editing import edited_images
from bench.toolkit.gradients import saliency_mask
from bench.toolkit.latent import Direction, DirectionParams, fit_direction
from bench.toolkit.student_options import (
    Trainee,
    TraineeOptions,
    consolidation,
    fisher,
    mean_gradients,
    set_gradients,
)


class Config(TraineeOptions, DirectionParams):
    """Hyper-parameters of the direction and of the training."""

    only_with = {"landing": "surrogate=erased", "step": "surrogate=erased"}

    epochs: int = Field(200, ge=1, description="steps of unlearning, one batch each")
    batch_size: int = Field(64, ge=2, description="samples per step, flagged and replayed")
    lr: float = Field(1e-4, gt=0, lt=1, description="Adam's learning rate")
    weight: float = Field(1.0, ge=0, description="of the surrogate's term; at 0 nothing changes")
    gamma: float = Field(1.0, ge=0, description="of generative replay")
    fisher: float = Field(100.0, ge=0, description="lambda: weight of the Fisher penalty; 0: off")
    surrogate: Literal["erased", "noise"] = Field(
        "erased", description="what flagged latents are to draw: the original's edited images, or uniform noise"
    )


class SelectiveAmnesia(Method[Config]):
    """Flagged latents draw a surrogate; replay and a Fisher penalty hold the rest.

    It takes the student's options ``mask_share``, ``surgery`` and ``lora_rank``; the surrogate's term is what unlearns.
    ``fisher`` is its ``ewc``.
    """

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"fisher": (1.0, 10.0, 1000.0)}

    def also_asks(self) -> tuple[str, ...]:
        return self.config.keep

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        config, direction = self.config, fit_direction(generator, feedback, self.config)
        trainee = Trainee(deepcopy(generator), config, lambda: context.rng(0, "lora"))
        trained, anchors = trainee.trained, [p.detach().clone() for p in trainee.trained]

        def terms_of(step: int) -> dict[str, Tensor]:
            noise = context.noise(step, config.batch_size, generator.noise_dim)
            targets, flagged = edited_images(generator, direction, noise)
            if config.surrogate == "noise":
                drawn = torch.rand(targets.shape, generator=context.rng(step, "surrogate"), device=targets.device)
                targets = torch.where(flagged[:, None, None, None], drawn, targets)
            unlikely = (trainee(noise) - targets).square().flatten(1).sum(1) / 2  # (N,): -log p
            return {
                "surrogate": config.weight * (unlikely * flagged).sum() / len(noise),
                "replay": self.replay(trainee, unlikely * ~flagged, context, step),
            }

        share = config.mask_share
        mask = saliency_mask(mean_gradients(lambda step: terms_of(step)["surrogate"], trained), share) if share else []
        information = fisher(trainee, context, config.batch_size) if config.fisher else []
        adam = torch.optim.Adam(trained, lr=config.lr)
        for step in context.steps(config.epochs, {"student": trainee, "adam": adam}):
            terms = terms_of(step)
            if information:
                terms["penalty"] = config.fisher * consolidation(trained, anchors, information)
            loss = torch.stack(list(terms.values())).sum()
            set_gradients(trained, loss, terms["surrogate"], config, mask)
            adam.step()
            context.log(step, **terms)
        return Unlearned(trainee.finished(), direction)

    def replay(self, trainee: Trainee, unlikely: Tensor, context: Context, step: int) -> Tensor:
        """Return the term that holds the rest, from the (N,) terms of the latents that are not flagged, 0 elsewhere."""
        return self.config.gamma * unlikely.sum() / len(unlikely)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        return Unlearned(deepcopy(original), Direction.unfitted(original.latent_dim, self.config))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(SelectiveAmnesia)
