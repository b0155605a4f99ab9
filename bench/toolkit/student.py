"""The student's training, shared by every method that edits the teacher's latents (Eq. 2-5 of arXiv 2303.05699).

L = alpha (|g(z) - f(erased(z))|_1 + 1 - MS-SSIM(g(z), f(erased(z))))   on flagged latents
  + |g(z) - f(z)|_1                                                     on the others
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from bench.api import Generator
from bench.api.context import Context
from bench.toolkit.ahead import prepared
from bench.toolkit.gradients import Gradients, saliency_mask
from bench.toolkit.latent import Editor, edited_images
from bench.toolkit.losses import l1, ms_ssim_dissimilarity
from bench.toolkit.sharing import shared
from bench.toolkit.student_options import (
    StudentOptions,
    Trainee,
    consolidation,
    fisher,
    mean_gradients,
    set_gradients,
)


class StudentParams(StudentOptions):
    """How the student is trained; the defaults are the paper's for MNIST, where it states them."""

    epochs: int = Field(200, ge=1, description="epochs of unlearning")
    steps_per_epoch: int = Field(1, ge=1, description="batches drawn per epoch (Algorithm 1: one)")
    batch_size: int = Field(64, ge=2, description="samples per batch (not stated in the paper)")
    lr: float = Field(1e-3, gt=0, lt=1, description="Adam's learning rate")
    schedule: Literal["constant", "cosine"] = Field("constant", description="learning rate: constant, or cosine to 0")
    alpha: float = Field(3.0, ge=0, description="weight of L_unlearn and L_percep (Table 5's 3 equals Table 2)")
    l1: Literal["mean", "sum"] = Field("mean", description="L1 distance of two images: mean or sum over the pixels")
    unlearn_term: bool = Field(True, description="train on L_unlearn (Eq. 3)")
    perception_term: bool = Field(True, description="train on L_percep, 1 - MS-SSIM (Eq. 4)")
    reconstruction_term: bool = Field(True, description="train on L_recon (Eq. 2)")

    @model_validator(mode="after")
    def _some_term(self) -> Self:
        if not (self.unlearn_term or self.perception_term or self.reconstruction_term):
            raise ValueError("switch on at least one of unlearn_term, perception_term and reconstruction_term")
        return self


def loss_terms(images: Tensor, targets: Tensor, flagged: Tensor, params: StudentParams) -> dict[str, Tensor]:
    """Compute the terms of Eq. 5, each summed over its samples and divided by the batch size.

    Parameters
    ----------
    images : (N, C, H, W) float32
        g(z).
    targets : (N, C, H, W) float32
        f(erased(z)) where flagged, f(z) elsewhere.
    flagged : (N,) bool
    params : StudentParams

    Returns
    -------
    dict of str to scalar Tensor
        The switched-on terms; "unlearn" and "perception" without alpha.
    """
    distance = l1(images, targets, params.l1)  # (N,)
    terms = {}
    if params.unlearn_term:
        terms["unlearn"] = (distance * flagged).sum() / len(images)
    if params.perception_term:
        percep = ms_ssim_dissimilarity(images[flagged], targets[flagged]) if flagged.any() else 0 * distance
        terms["perception"] = percep.sum() / len(images)
    if params.reconstruction_term:
        terms["reconstruction"] = (distance * ~flagged).sum() / len(images)
    return terms


def total_loss(terms: dict[str, Tensor], alpha: float) -> Tensor:
    """Return the weighted sum of the terms (Eq. 5)."""
    weights = {"unlearn": alpha, "perception": alpha, "reconstruction": 1.0}
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def train_student(generator: Generator, editor: Editor, params: StudentParams, context: Context) -> Generator:
    """Fine-tune a copy of the original, as a map from noise, towards the original's edited images (Algorithm 1).

    Parameters
    ----------
    generator : Generator
        The original f, the teacher; it does not change.
    editor : Editor
        Flags and erases the teacher's latents.
    params : StudentParams
    context : Context

    Returns
    -------
    Generator
        The student g, gradients off.
    """
    trainee = Trainee(deepcopy(generator), params, lambda: context.rng(0, "lora"))
    optimiser = torch.optim.Adam(trainee.trained, lr=params.lr, fused=True)  # one call for all small tensors
    total = params.epochs * params.steps_per_epoch

    def targets_of(step: int, tag: str = "") -> tuple[Tensor, Tensor, Tensor]:
        noise = context.noise(step, params.batch_size, generator.noise_dim, tag)
        return noise, *shared(edited_images)(generator, editor, noise)

    objective = _Objective(params, context, trainee, targets_of)
    steps = context.steps(total, {"student": trainee, "optimiser": optimiser})
    for step, (noise, targets, flagged) in prepared(steps, total, targets_of, context.device):
        if params.schedule == "cosine":
            optimiser.param_groups[0]["lr"] = params.lr * 0.5 * (1 + math.cos(math.pi * step / total))
        terms = loss_terms(shared(trainee)(noise), targets, flagged, params)
        loss = objective.backward(terms)
        optimiser.step()
        context.log(step, loss=loss, **terms)
    return trainee.finished()


Targets = Callable[[int, str], tuple[Tensor, Tensor, Tensor]]  # step and tag -> noise, the teacher's images, flagged


class _Objective:
    """The objective of a student: the terms of Eq. 5, and the options that change their gradient."""

    def __init__(self, params: StudentParams, context: Context, trainee: Trainee, targets_of: Targets) -> None:
        self.params, self.trainee, self.targets_of = params, trainee, targets_of
        self.mask: Gradients = []
        self.information: Gradients = []
        self.anchors = [p.detach().clone() for p in trainee.trained] if params.ewc else []
        if params.mask_share:
            self.mask = saliency_mask(mean_gradients(self._removal, trainee.trained), params.mask_share)
        if params.ewc:
            self.information = fisher(trainee, context, params.batch_size)

    def _removal(self, step: int) -> Tensor:
        """Return the unlearning terms of a batch that no step of the training draws."""
        noise, targets, flagged = self.targets_of(step, "saliency")
        return self._unlearning(loss_terms(self.trainee(noise), targets, flagged, self.params))

    def backward(self, terms: dict[str, Tensor]) -> Tensor:
        """Set the gradients of what is trained; return the objective. It adds the penalty, if any, to the terms."""
        trained, params = self.trainee.trained, self.params
        loss = total_loss(terms, params.alpha)
        if self.information:
            terms["consolidation"] = consolidation(trained, self.anchors, self.information)
            loss = loss + params.ewc * terms["consolidation"]
        set_gradients(trained, loss, self._unlearning(terms), params, self.mask)
        return loss

    def _unlearning(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the unlearning terms, weighted."""
        chosen = {name: term for name, term in terms.items() if name in ("unlearn", "perception")}
        return total_loss(chosen, self.params.alpha) if chosen else torch.zeros(())
