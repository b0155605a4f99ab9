"""The paper's method: clicks give a latent direction; a student learns to draw without it.

Moon, Cho, Kim: Feature Unlearning for Generative Models via Implicit Feedback (arXiv 2303.05699), Algorithm 1.
``bench/toolkit/latent.py`` finds the direction (Eq. 1 and 3), ``bench/toolkit/student.py`` trains the student
(Eq. 2-5).

What the text leaves open (how far to move, the threshold, the steps of an epoch) is an option; the defaults move
along the unit vector to the mean projection. Options that go beyond the paper: ``direction=logistic``, a regularised
linear classifier instead of the difference of means; ``keep=Male``, which keeps other attributes unchanged;
``layers``, ``scale`` and ``shrink`` for very long latents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.latent import Direction, DirectionParams, fit_direction
from bench.toolkit.student import StudentParams, train_student


class Config(DirectionParams, StudentParams):
    """Hyper-parameters of the direction and of the student's training."""


class Ours(Method[Config]):
    """Feature unlearning via implicit feedback."""

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"threshold_shift": (-0.5, 0.5, 1.0)}

    def also_asks(self) -> tuple[str, ...]:
        return self.config.keep

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        direction = fit_direction(generator, feedback, self.config)
        return Unlearned(train_student(generator, direction, self.config, context), direction)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        return Unlearned(deepcopy(original), Direction.unfitted(original.latent_dim, self.config))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Ours)
