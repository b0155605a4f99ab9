"""The paper's method: from clicks to a latent direction, from the direction to a fine-tuned generator.

Moon, Cho, Kim: Feature Unlearning for Generative Models via Implicit Feedback (arXiv 2303.05699), Algorithm 1.

    L = alpha (|g(z) - f(erased(z))|_1 + 1 - MS-SSIM(g(z), f(erased(z))))   on latents flagged by the direction
      + |g(z) - f(z)|_1                                                     on the others          (Eq. 2-5)

Where the text leaves a choice (how far to move, the threshold, the loss's reduction, the steps of an epoch)
it is an option; the defaults move along the unit vector down to the mean projection. ``direction=logistic``
is this project's own improvement: a regularised linear classifier instead of the difference of means.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Generator, Method, Oracle, Unlearned, hookimpl
from bench.context import Context
from bench.feedback import Feedback
from bench.latent import Direction, DirectionParams, edited_images, fit_direction
from bench.losses import l1, ms_ssim_dissimilarity


class Config(DirectionParams):
    """Hyper-parameters; the defaults are the paper's for MNIST."""

    epochs: int = Field(200, ge=1, description="epochs of unlearning; one sampled batch each (Algorithm 1)")
    steps_per_epoch: int = Field(1, ge=1, description="batches per epoch")
    batch_size: int = Field(64, ge=2, description="samples per batch (not stated in the paper)")
    lr: float = Field(1e-3, gt=0, lt=1, description="learning rate of Adam")
    alpha: float = Field(3.0, ge=0, description="weight of the unlearning terms (Table 5's alpha=3 equals Table 2)")
    l1: Literal["mean", "sum"] = Field("mean", description="|.|_1 over the pixels of an image: mean or sum")
    unlearn_term: bool = Field(True, description="L_unlearn (Eq. 3)")
    perception_term: bool = Field(True, description="L_percep, 1 - MS-SSIM (Eq. 4)")
    reconstruction_term: bool = Field(True, description="L_recon (Eq. 2)")


def loss_terms(images: Tensor, targets: Tensor, flagged: Tensor, config: Config) -> dict[str, Tensor]:
    """Compute the terms of Eq. 5, each summed over its samples and divided by the batch size.

    Parameters
    ----------
    images : (N, C, H, W) float32
        g(z).
    targets : (N, C, H, W) float32
        f(erased(z)) where flagged, f(z) elsewhere.
    flagged : (N,) bool
    config : Config

    Returns
    -------
    dict of str to scalar Tensor
        The switched-on terms; "unlearn" and "perception" without alpha.
    """
    distance = l1(images, targets, config.l1)  # (N,)
    terms = {}
    if config.unlearn_term:
        terms["unlearn"] = (distance * flagged).sum() / len(images)
    if config.perception_term and flagged.any():
        terms["perception"] = ms_ssim_dissimilarity(images[flagged], targets[flagged]).sum() / len(images)
    if config.reconstruction_term:
        terms["reconstruction"] = (distance * ~flagged).sum() / len(images)
    return terms


def total_loss(terms: dict[str, Tensor], alpha: float) -> Tensor:
    """Weigh the terms (Eq. 5)."""
    weights = {"unlearn": alpha, "perception": alpha, "reconstruction": 1.0}
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


class Ours(Method[Config]):
    """Feature unlearning via implicit feedback."""

    Config = Config

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:  # noqa: D102 (inherited)
        config = self.config
        direction = fit_direction(generator, feedback, config)
        student = deepcopy(generator).requires_grad_(True)
        optimiser = torch.optim.Adam(student.parameters(), lr=config.lr)
        total = config.epochs * config.steps_per_epoch
        for step in context.steps(total, {"student": student, "optimiser": optimiser}):
            noise = context.noise(step, config.batch_size, generator.noise_dim)
            targets, flagged = edited_images(generator, direction, noise)
            terms = loss_terms(student(noise), targets, flagged, config)
            loss = total_loss(terms, config.alpha)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            context.log(step, loss=loss, **terms)
        return Unlearned(student.requires_grad_(False), direction)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:  # noqa: D102 (inherited)
        return Unlearned(deepcopy(original), Direction(original.latent_dim, self.config.landing == "reflect"))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]  # noqa: D103
    register(Ours)
