"""Reference, not an unlearned model: the exact latent edit f(erased(z)), without training.

It shows what the training of ``ours`` aims at: what the direction removes, and what that costs in fidelity. The
generator still has the feature; only its latents are edited.
"""

from __future__ import annotations

from copy import deepcopy

from torch import Tensor

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.latent import Direction, DirectionParams, edited_sample, fit_direction


class Edited(Generator):
    """The original, which erases flagged latents before it decodes; its latents are those before the edit."""

    def __init__(self, original: Generator, direction: Direction) -> None:
        super().__init__()
        self.original, self.direction = original, direction
        self.image_shape, self.noise_dim, self.latent_dim = (
            original.image_shape,
            original.noise_dim,
            original.latent_dim,
        )

    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        return edited_sample(self.original, self.direction, noise)[:2]

    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:
        return self.original.decode(self.direction.edit(latents), noise)


class LatentEdit(Method[DirectionParams]):
    """The exact edit, with the direction options of ``ours``."""

    Config = DirectionParams

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
