"""Redraw each sample until the method's own identifier no longer flags it: no training, no oracle.

Panda, Prathosh: FAST: Feature Aware Similarity Thresholding for Weak Unlearning in Black-Box Generative Models
(arXiv 2312.14895): a latent is blocked if its projection on the difference of the class means exceeds the mean
projection over all feedback. This is the identifier of ``ours`` by its default reading (arXiv 2303.05699, Eq. 1).

Deviations: FAST blocks a sample, and here another one is drawn in its place. Its second filter, a support vector
machine, is left out; ``direction=logistic`` is near to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from pydantic import Field
from torch import Tensor

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.latent import Direction, DirectionParams, FlagParams, fit_direction
from bench.toolkit.redrawing import Redrawing


class Config(FlagParams):
    """Parameters of the direction and its threshold, and the number of redraws."""

    redraws: int = Field(100, ge=1, description="largest number of redraws per sample; the last is kept anyway")


class SelfRejecting(Redrawing):
    """The original, which draws again while a direction flags the latent."""

    def __init__(self, original: Generator, direction: Direction, redraws: int) -> None:
        super().__init__(original, redraws)
        self.direction = direction

    def refused(self, noise: Tensor) -> Tensor:
        return self.direction.flag(self.original.sample(noise)[0]).cpu()


class SelfReject(Method[Config]):
    """Rejection of samples that the clicks' own direction flags."""

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"threshold_shift": (-0.5, 0.5, 1.0)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        direction = fit_direction(generator, feedback, DirectionParams.of(self.config))
        return self._wrapped(generator, direction)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        return self._wrapped(original, Direction.unfitted(original.latent_dim, DirectionParams.of(self.config)))

    def _wrapped(self, original: Generator, direction: Direction) -> Unlearned:
        return Unlearned(SelfRejecting(deepcopy(original), direction, self.config.redraws), deepcopy(direction))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(SelfReject)
