"""The paper's method: from clicks to a latent direction, from the direction to a fine-tuned generator.

Moon, Cho, Kim: Feature Unlearning for Generative Models via Implicit Feedback (arXiv 2303.05699), Algorithm 1.
The direction is in ``bench/toolkit/latent.py`` (Eq. 1 and 3), the loss and the loop in ``bench/toolkit/student.py``
(Eq. 2-5).

Where the text leaves a choice (how far to move, the threshold, the loss's reduction, the steps of an epoch)
it is an option; the defaults move along the unit vector down to the mean projection. This project's own additions
are options too: ``direction=logistic``, a regularised linear classifier instead of the difference of means;
``keep=Male``, which leaves other attributes as they are; ``layers``, ``scale`` and ``shrink`` for very long latents.
"""

from __future__ import annotations

from copy import deepcopy

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.latent import Direction, DirectionParams, fit_direction
from bench.toolkit.student import StudentParams, train_student


class Config(DirectionParams, StudentParams):
    """Hyper-parameters of the direction and of the student's training."""


class Ours(Method[Config]):
    """Feature unlearning via implicit feedback."""

    Config = Config

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
