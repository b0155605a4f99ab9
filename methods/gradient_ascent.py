"""Gradient ascent (NegGrad) on the clicked samples: the loss that trained the model grows where the feature is.

    g = -weight grad L_f                             with alternate=true every second step is g = grad L_r

L_f is the negative ELBO of clicked samples, L_r that of the samples that were not. Ascent alone destroys the generator
sooner or later; it is the floor of every table. As ``GA`` and ``A-D`` in Mandal and Gottwald (2025, arXiv 2506.04712).

Deviation: the published method takes both kinds of images from the training data; ``gradient_ascent_with_data`` does
so. Here they are the samples that were shown, so that clicks are all that is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Unlearned, hookimpl
from bench.toolkit.data_unlearning import AscentParams, clicked, trained


class GradientAscent(Method[AscentParams]):
    """Gradient ascent (NegGrad) on the clicked samples."""

    Config = AscentParams
    needs = frozenset({"encoder", "recipe"})

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"epochs": (20, 50, 500)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(trained(clicked(generator, feedback), self.config.rule, self.config, context))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(GradientAscent)
