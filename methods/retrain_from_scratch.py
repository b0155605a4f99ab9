"""A generator that never saw the feature: pre-training, from new weights, without the images that have it.

    theta = train(theta_new, recipe of the model, {x in training set : x does not have the feature})

It is what exact unlearning asks for (Bourtoule et al., Machine Unlearning, S&P 2021, arXiv 1912.03817), and so the
yardstick of the other methods rather than one of them. ``retrain``, the paper's baseline, continues the training of
weights that did see the feature.

Deviation: none from the model's recipe, which the original's weights name: its epochs, batch size and learning rate.
An epoch is a pass over the images that are left. The random stream is not that of pre-training, so the generator
differs from the original in other ways too; three runs show by how much.
"""

from __future__ import annotations

from pydantic import Field

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl
from bench.toolkit.training import build, train


class Config(Params):
    """The length of the training; everything else is the model's recipe."""

    epochs: float | None = Field(None, gt=0, description="passes over the remaining images; default: the recipe's")
    batch_size: int | None = Field(None, ge=1, description="images per step; default: the recipe's")


class RetrainFromScratch(Method[Config]):
    """Pre-training without the images that have the feature."""

    Config = Config
    needs = frozenset({"training_data"})
    reads_feedback = False
    trainings = 3

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        data = context.training_data
        assert data is not None
        recipe = data.networks.config
        networks = build(data.model, recipe, context.stream)
        for module in networks.modules().values():
            module.to(context.device)
        epochs, batch_size = self.config.epochs or recipe.epochs, self.config.batch_size or recipe.batch_size
        train(data.model, networks, data.split, context, epochs, batch_size, keep=~data.target)
        assert networks.generator is not None
        return Unlearned(networks.generator)


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(RetrainFromScratch)
