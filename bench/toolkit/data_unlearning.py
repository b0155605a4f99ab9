"""Unlearning with images: the model's own loss on images to forget and on images to retain.

Published methods take both from the training data. Here they may also be the clicked samples, positives and negatives,
so that nothing but clicks is needed. Losses are the negative ELBO, so the model needs an encoder; decoder and encoder
are trained together, and the decoder is what draws. The equations of the rules are those of the methods' files.

L_f and L_r are nats per image, means over a batch. Adam does not see the scale of a whole gradient, but a weight that
stands next to a loss does: where code sums the loss over a batch of B images, as that of arXiv 2506.04712 does, its
weight w of the squared cosine, which has no scale, is w / B here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from bench.api import (
    Batch,
    ConfigT,
    Context,
    Feedback,
    Generator,
    Method,
    Networks,
    Params,
    Recipe,
    Unlearned,
    UsageError,
    to_float,
    to_uint8,
)
from bench.toolkit.gradient_rules import Rule, ascent, orthogonal, surgery
from bench.toolkit.gradients import assign

Draw = Callable[[int, torch.Generator], Tensor]  # how many, and by which random generator -> images (N, C, H, W)
SUMMED = 128  # images in a batch of arXiv 2506.04712, whose losses are sums over it: its weight w is w / SUMMED here


class DataParams(Params):
    """Steps, batch size, learning rate, and the mode of the networks."""

    epochs: int = Field(200, ge=1, description="steps of unlearning, a batch of each kind in each")
    batch_size: int = Field(64, ge=1, description="images to forget, and images to retain, per step")
    lr: float = Field(1e-4, gt=0, lt=1, description="Adam's learning rate")
    train_mode: bool = Field(
        False, description="networks in train mode: batch norm takes the statistics of each batch and updates its own"
    )


@dataclass(frozen=True)
class Images:
    """Images to forget and images to retain, drawn with replacement."""

    forget: Draw
    retain: Draw


def clicked_images(generator: Generator, feedback: Feedback) -> Images:
    """Return the clicked samples as images to forget, the others as those to retain.

    Raises
    ------
    UsageError
        If a class is missing.
    """
    feedback.require_both_classes()
    device = next(generator.parameters()).device
    shown = torch.cat([to_uint8(images) for _, images in feedback.samples(generator)])

    def drawn(value: bool) -> Draw:
        return _draw(np.flatnonzero(feedback.labels == value), lambda index: shown[torch.from_numpy(index)], device)

    return Images(drawn(True), drawn(False))


def training_images(context: Context) -> Images:
    """Return the training images with the feature as images to forget, the others as those to retain.

    Raises
    ------
    UsageError
        If all images have the feature, or none.
    """
    data = context.training_data
    assert data is not None
    if data.target.all() or not data.target.any():
        raise UsageError("training data: all images have the feature, or none; both kinds are needed")
    forget, retain = (_draw(np.flatnonzero(data.target == value), data.split.read, context.device) for value in (1, 0))
    return Images(forget, retain)


def _draw(indices: np.ndarray, read: Callable[..., Tensor], device: torch.device) -> Draw:
    def draw(count: int, rng: torch.Generator) -> Tensor:
        chosen = torch.randint(len(indices), (count,), generator=rng, device=rng.device).cpu().numpy()
        return to_float(read(indices[chosen]).to(device))

    return draw


# --- rules, and the fields of the methods that follow them --------------------------------------------


class RuleParams(DataParams):
    """Fields of a method that follows a rule; ``swept`` are the values that a curve of its damage is drawn with."""

    swept: ClassVar[Mapping[str, Sequence[Any]]] = {}

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """How a step goes."""


class AscentParams(RuleParams):
    """Fields of gradient ascent."""

    swept = {"epochs": (20, 50, 500)}

    weight: float = Field(
        1.0,
        ge=0,
        description="of the ascent; without alternate Adam cancels it, except that at 0 nothing changes",
    )
    alternate: bool = Field(True, description="descend on what is retained in every second step")

    @property
    def rule(self) -> Rule:
        return ascent(self.weight, self.alternate)


class SurgeryParams(RuleParams):
    """Fields of gradient surgery."""

    swept = {"epochs": (50, 500)}
    only_with = {"weight": "project=forget"}

    project: Literal["retain", "forget"] = Field("retain", description="which gradient is projected and followed")
    weight: float = Field(
        1.0, ge=0, description="project=forget: of the ascent; Adam cancels it, except that at 0 nothing changes"
    )

    @property
    def rule(self) -> Rule:
        return surgery(self.weight, self.project)


class UnoParams(RuleParams):
    """Fields of UNO."""

    swept = {"weight": (1.0, 100.0, 1000.0)}

    weight: float = Field(
        1e3 / SUMMED,
        ge=0,
        description="of the squared cosine next to the loss per image, by default the published 1e3 / 128; "
        "at 0 it is plain training on what is retained",
    )

    @property
    def rule(self) -> Rule:
        return orthogonal(self.weight, with_surgery=False)


class UnoSParams(UnoParams):
    """Fields of UNO-S; ``weight`` is that of UNO, in even steps."""

    @property
    def rule(self) -> Rule:
        return orthogonal(self.weight, with_surgery=True)


# --- the loop -----------------------------------------------------------------------------------------


def trained(images: Images, rule: Rule, params: DataParams, context: Context) -> Generator:
    """Train a copy of the model by a rule; return its generator, gradients off.

    Raises
    ------
    UsageError
        If the model has no loss of a batch of images.
    """
    recipe = context.recipe
    assert recipe is not None
    networks = copied(recipe, params.train_mode)
    parameters: list[Tensor] = [p for module in networks.modules().values() for p in module.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=params.lr)
    for step in context.steps(params.epochs, {**networks.modules(), "optimiser": optimiser}):
        rng = context.rng(step)
        forget, retain = (
            recipe.model.batch_loss(networks, Batch(draw(params.batch_size, rng), torch.empty(0)), rng)
            for draw in (images.forget, images.retain)
        )
        assign(parameters, *rule(step, forget, retain, parameters))
        optimiser.step()
        context.log(step, forget=forget, retain=retain)
    assert networks.generator is not None
    return networks.generator.eval().requires_grad_(False)


def copied(recipe: Recipe, train_mode: bool) -> Networks[Any]:
    """Return copies of generator and encoder, with gradients; in eval mode batch norm keeps its statistics."""
    networks = recipe.networks
    generator, encoder = (
        deepcopy(part).requires_grad_(True).train(train_mode) for part in (networks.generator, networks.encoder) if part
    )
    assert isinstance(generator, Generator)
    return Networks(networks.config, generator=generator, encoder=encoder)


# --- methods that follow a rule -----------------------------------------------------------------------

RuleT = TypeVar("RuleT", bound=RuleParams)


class ImageMethod(Method[ConfigT]):
    """A method that reads images to forget and images to retain: by default those that were clicked, and the others."""

    def images(self, generator: Generator, feedback: Feedback, context: Context) -> Images:
        """Return the images; override it to take others."""
        return clicked_images(generator, feedback)


class TrainingImages(ImageMethod[ConfigT]):
    """The same with the training images with and without the feature; inherit it before the method from clicks."""

    reads_feedback = False
    trainings = 3

    def images(self, generator: Generator, feedback: Feedback, context: Context) -> Images:
        return training_images(context)


class RuleMethod(Method[RuleT]):
    """A method that follows the rule of its Config; which images it reads is left open."""

    Config: ClassVar[type[RuleParams]]

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return cls.Config.swept


class FromClicks(RuleMethod[RuleT]):
    """A rule on the samples that were shown: forget those that were clicked, retain the others."""

    needs = frozenset({"encoder", "recipe"})

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(trained(clicked_images(generator, feedback), self.config.rule, self.config, context))


class FromTrainingData(RuleMethod[RuleT]):
    """A rule on the training images: forget those with the feature, retain the others."""

    needs = frozenset({"encoder", "recipe", "training_data"})
    reads_feedback = False
    trainings = 3

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(trained(training_images(context), self.config.rule, self.config, context))
