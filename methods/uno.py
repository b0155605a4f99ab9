"""UNO on the clicked samples: descend what is retained, and make both gradients orthogonal.

    minimise L_r + weight cos^2(grad L_f, grad L_r)

by differentiating twice; L_f is the negative ELBO of clicked samples, L_r that of the samples that were not. Mandal and
Gottwald (2025, arXiv 2506.04712); their weights are 1e3 to 1e5.

Deviation: the published method takes both kinds of images from the training data; ``uno_with_data`` does so. Here they
are the samples that were shown, so that clicks are all that is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Unlearned, hookimpl
from bench.toolkit.data_unlearning import UnoParams, clicked, trained


class Uno(Method[UnoParams]):
    """UNO on the clicked samples."""

    Config = UnoParams
    needs = frozenset({"encoder", "recipe"})

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"weight": (1e2, 1e4, 1e5)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(trained(clicked(generator, feedback), self.config.rule, self.config, context))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Uno)
