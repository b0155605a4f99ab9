"""UNO-S on the clicked samples: UNO, with gradient surgery in every second step.

    even steps   minimise L_r + weight cos^2(grad L_f, grad L_r)
    odd steps    g = g_r - g_f (g_f.g_r) / (g_f.g_f)

L_f, with gradient g_f, is the negative ELBO of clicked samples, L_r that of the samples that were not. Mandal and
Gottwald (2025, arXiv 2506.04712).

Deviation: the published method takes both kinds of images from the training data; ``uno_s_with_data`` does so. Here
they are the samples that were shown, so that clicks are all that is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Unlearned, hookimpl
from bench.toolkit.data_unlearning import UnoSParams, clicked, trained


class UnoS(Method[UnoSParams]):
    """UNO-S on the clicked samples."""

    Config = UnoSParams
    needs = frozenset({"encoder", "recipe"})

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"weight": (1e2, 1e4, 1e5)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(trained(clicked(generator, feedback), self.config.rule, self.config, context))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(UnoS)
