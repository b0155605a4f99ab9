"""Reference, not an unlearned model: the exact latent edit f(erased(z)), without training.

It shows what the training of ``ours`` aims at: what the direction removes, and what that costs in fidelity. The
generator still has the feature; only its latents are edited.
"""

from __future__ import annotations

from copy import deepcopy

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.editing import Edited
from bench.toolkit.latent import Direction, DirectionParams, fit_direction


class LatentEdit(Method[DirectionParams]):
    """The exact edit, with the direction options of ``ours``."""

    Config = DirectionParams
    reference = True

    def also_asks(self) -> tuple[str, ...]:
        return self.config.keep

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        direction = fit_direction(generator, feedback, self.config)
        return Unlearned(Edited(deepcopy(generator), direction), deepcopy(direction))

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        direction = Direction.unfitted(original.latent_dim, self.config)
        return Unlearned(Edited(deepcopy(original), direction), deepcopy(direction))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(LatentEdit)
