"""Task arithmetic: learn to draw more of the feature, then move the weights the opposite way.

    theta_plus   a student of f(z + z_e), trained on all z with the terms of the paper's student (arXiv 2303.05699,
                 Eq. 3 and 4); z_e, the difference of the class means, takes the mean of the negatives to that of the
                 positives
    result       theta_0 - strength (theta_plus - theta_0)

Ilharco et al.: Editing Models with Task Arithmetic (ICLR 2023, arXiv 2212.04089), forgetting by negation.
Deviation: there theta_plus is fine-tuned on data of the task; here the clicks alone say what the task is. Only weights
are negated, not the statistics of batch norm. Nothing is flagged, so samples without the feature change too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.editing import Editor
from bench.toolkit.latent import Direction, DirectionParams, fit_direction
from bench.toolkit.moments import LayerParams
from bench.toolkit.student import StudentParams, train_student
from bench.toolkit.weights import moved


class Config(LayerParams, StudentParams):
    """Parameters of the latents, of the training of the feature's student, and of the negation."""

    strength: float = Field(0.5, ge=0, description="lambda; at 0 nothing changes")

    def directions(self) -> DirectionParams:
        """Return the parameters of z_e."""
        return DirectionParams(layers=self.layers, step="raw")


class Raised(Editor):
    """Moves every latent by z_e, towards more of the feature."""

    def __init__(self, direction: Direction) -> None:
        super().__init__()
        self.direction = direction

    def forward(self, latents: Tensor) -> Tensor:
        scores: Tensor = self.direction(latents)
        return scores

    def flag(self, latents: Tensor) -> Tensor:
        return torch.ones(len(latents), dtype=torch.bool, device=latents.device)

    def erase(self, latents: Tensor) -> Tensor:
        return latents + self.direction.length * self.direction.unit


class TaskVector(Method[Config]):
    """Negation of what a student of the feature has learnt."""

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"strength": (0.25, 0.75, 1.0)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        direction = fit_direction(generator, feedback, self.config.directions())
        plus = train_student(generator, Raised(direction), self.config, context)
        return Unlearned(moved(generator, plus, -self.config.strength), direction)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        return Unlearned(deepcopy(original), Direction.unfitted(original.latent_dim, self.config.directions()))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(TaskVector)
