"""UNO-S on the training data: UNO, with gradient surgery in every second step.

    even steps   minimise L_r + weight cos^2(grad L_f, grad L_r)
    odd steps    g = g_r - g_f (g_f.g_r) / (g_f.g_f)

L_f, with gradient g_f, is the negative ELBO of training images with the feature, L_r that of those without it. Mandal
and Gottwald (2025, arXiv 2506.04712).

It needs what feature unlearning does without: the training data and its labels. ``uno_s`` is the same from clicks
alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from bench.api import Context, Feedback, Generator, Method, Unlearned, hookimpl
from bench.toolkit.data_unlearning import DataParams, of_training, orthogonal, trained


class Config(DataParams):
    """Length, batches and weight."""

    weight: float = Field(1e3, ge=0, description="of the squared cosine in even steps")


class UnoSWithData(Method[Config]):
    """UNO-S on the training data."""

    Config = Config
    needs = frozenset({"encoder", "recipe", "training_data"})
    reads_feedback = False
    trainings = 3

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"weight": (1e2, 1e4, 1e5)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        images = of_training(context)
        return Unlearned(trained(images, orthogonal(self.config.weight, with_surgery=True), self.config, context))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(UnoSWithData)
