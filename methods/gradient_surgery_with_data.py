"""Gradient surgery on the training data: one gradient without its part along the other.

    project=retain    g = g_r - g_f (g_f.g_r) / (g_f.g_f)             descends; S of Mandal and Gottwald (2506.04712)
    project=forget    g = -weight (g_f - g_r (g_f.g_r) / (g_r.g_r))   ascends; Bae et al. (2023, arXiv 2307.04550)

g_f is the gradient of the negative ELBO of training images with the feature, g_r that of those without it. The second
never changes L_r to first order.

It needs what feature unlearning does without: the training data and its labels. ``gradient_surgery`` is the same from
clicks alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Unlearned, hookimpl
from bench.toolkit.data_unlearning import SurgeryParams, of_training, trained


class GradientSurgeryWithData(Method[SurgeryParams]):
    """Gradient surgery on the training data."""

    Config = SurgeryParams
    needs = frozenset({"encoder", "recipe", "training_data"})
    reads_feedback = False
    trainings = 3

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"epochs": (50, 500)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(trained(of_training(context), self.config.rule, self.config, context))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(GradientSurgeryWithData)
