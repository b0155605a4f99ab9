"""Selective Amnesia on the training images: replay is of images without the feature, not of the generator's own.

    L = -weight E log p(s | z, theta)                z flagged, s from a surrogate distribution
        +gamma  E of the negative ELBO of x          x a training image without the feature
        + lambda / 2 sum F (theta - theta_0)^2       F: diagonal Fisher information at the original theta_0

Heng and Soh (NeurIPS 2023, arXiv 2305.10120), Eq. 6 and 7. The first and the last term are those of
``selective_amnesia``.

It needs what feature unlearning does without: the training data and its labels, and an encoder, which stays as it is.
Deviation: the published method replays what the generator draws, as ``selective_amnesia`` does. The clicks say which
latents stand for the feature; labels of images do not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from bench.api import Batch, Context, Generator, Networks, Recipe, hookimpl
from bench.toolkit.data_unlearning import training_images
from bench.toolkit.student_options import Trainee

from .selective_amnesia import SelectiveAmnesia


class Loss(nn.Module):
    """The negative ELBO of images, as a module: LoRA's sums can stand in for the weights while it is computed."""

    def __init__(self, student: Generator) -> None:
        super().__init__()
        self.student = student

    def forward(self, recipe: Recipe, images: Tensor, rng: torch.Generator) -> Tensor:
        networks = Networks(recipe.networks.config, generator=self.student, encoder=recipe.networks.encoder)
        return recipe.model.batch_loss(networks, Batch(images, torch.empty(0)), rng)


class SelectiveAmnesiaWithData(SelectiveAmnesia):
    """Flagged latents draw a surrogate; training images without the feature and a Fisher penalty hold the rest."""

    needs = frozenset({"encoder", "recipe", "training_data"})

    def replay(self, trainee: Trainee, unlikely: Tensor, context: Context, step: int) -> Tensor:
        images = training_images(context).retain(len(unlikely), context.rng(step, "images"))
        sums = {f"student.{name}": weight for name, weight in trainee.sums().items()}
        given = (context.recipe, images, context.rng(step, "posterior"))
        loss: Tensor = functional_call(Loss(trainee.student), sums, given)
        return self.config.gamma * loss


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(SelectiveAmnesiaWithData)
