"""The paper's baseline: continue the training without the images that have the feature.

Moon, Cho, Kim (arXiv 2303.05699), section 4.1: the model is trained for 50 more epochs (MNIST) on the training images
that do not have the feature, by its own recipe. It needs what feature unlearning does without: the training data. The
data set's attributes decide which images have the feature, or else the classifier's scores and cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar

from pydantic import Field

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl
from bench.toolkit.training import train


class Config(Params):
    """Hyper-parameters; learning rate and losses are the model's own."""

    removed_fields: ClassVar[Mapping[str, Any]] = {"from_scratch": False}

    epochs: float = Field(50, gt=0, description="passes over the remaining training images")
    batch_size: int | None = Field(None, ge=1, description="images per step; default: the model's own")


class Retrain(Method[Config]):
    """Continued training on the images without the feature."""

    Config = Config
    needs = frozenset({"training_data"})
    reads_feedback = False
    trainings = 3

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        data = context.training_data
        assert data is not None
        networks = deepcopy(data.networks)
        batch_size = self.config.batch_size or networks.config.batch_size
        train(data.model, networks, data.split, context, self.config.epochs, batch_size, keep=~data.target)
        assert networks.generator is not None
        return Unlearned(networks.generator)


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Retrain)
