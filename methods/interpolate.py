"""Interpolate weights between the original and an unlearned generator: a curve of damage from two files.

    theta_0 + share (theta_u - theta_0)

theta_u is a stored cell's generator (``weights``), or that of ``ours`` if no file is named. As in Wortsman et al.:
Robust fine-tuning of zero-shot models (CVPR 2022, arXiv 2109.01903), Eq. 1. Floating-point buffers, such as the
statistics of batch norm, are interpolated too, so that ``share=1`` is the unlearned generator itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from pydantic import Field

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.latent import Direction, DirectionParams, fit_direction
from bench.toolkit.student import StudentParams, train_student
from bench.toolkit.weights import StoredWeights, between, read_stored


class Config(StoredWeights, DirectionParams, StudentParams):
    """The share of the way and the unlearned weights; without ``weights``, also all parameters of ``ours``."""

    share: float = Field(0.5, ge=0, le=1, description="share of the way; 0 is the original, 1 the unlearned generator")
    weights: str = Field("", description="file of an unlearned generator of the same model; empty: train ours")


class Interpolate(Method[Config]):
    """Interpolation of weights between the original and an unlearned generator."""

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"share": (0.25, 0.75, 1.0)}

    def supports(self, model: str, feature: str) -> str | None:
        return self.config.of_another(model)

    def also_asks(self) -> tuple[str, ...]:
        return self.config.keep

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        if self.config.weights:
            return Unlearned(between(generator, read_stored(self.config, generator), self.config.share))
        direction = fit_direction(generator, feedback, self.config)
        student = train_student(generator, direction, self.config, context)
        return Unlearned(between(generator, student, self.config.share), direction)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        direction = None if self.config.weights else Direction.unfitted(original.latent_dim, self.config)
        return Unlearned(deepcopy(original), direction)


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Interpolate)
