"""UNO on the training data: descend what is retained, and make both gradients orthogonal.

    minimise L_r + weight cos^2(grad L_f, grad L_r)

by differentiating twice; L_f is the negative ELBO of training images with the feature, L_r that of those without it.
Mandal and Gottwald (2025, arXiv 2506.04712); their weights are 1e3 to 1e5.

It needs what feature unlearning does without: the training data and its labels. ``uno`` is the same from clicks alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Unlearned, hookimpl
from bench.toolkit.data_unlearning import UnoParams, of_training, trained


class UnoWithData(Method[UnoParams]):
    """UNO on the training data."""

    Config = UnoParams
    needs = frozenset({"encoder", "recipe", "training_data"})
    reads_feedback = False
    trainings = 3

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"weight": (1e2, 1e4, 1e5)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(trained(of_training(context), self.config.rule, self.config, context))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(UnoWithData)
