"""Gradient ascent (NegGrad) on the training data: the loss that trained the model grows where the feature is.

    g = -weight grad L_f                             with alternate=true every second step is g = grad L_r

L_f is the negative ELBO of training images with the feature, L_r that of those without it. Ascent alone destroys the
generator sooner or later; it is the floor of every table. As ``GA`` and ``A-D`` in Mandal and Gottwald (2025, arXiv
2506.04712).

It needs what feature unlearning does without: the training data and its labels. ``gradient_ascent`` is the same from
clicks alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Unlearned, hookimpl
from bench.toolkit.data_unlearning import AscentParams, of_training, trained


class GradientAscentWithData(Method[AscentParams]):
    """Gradient ascent (NegGrad) on the training data."""

    Config = AscentParams
    needs = frozenset({"encoder", "recipe", "training_data"})
    reads_feedback = False
    trainings = 3

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"epochs": (20, 50, 500)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(trained(of_training(context), self.config.rule, self.config, context))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(GradientAscentWithData)
