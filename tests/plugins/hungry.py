"""Needs the training data, and looks at MNIST."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl


class Config(Params):
    pass


class Hungry(Method[Config]):
    Config = Config
    needs = frozenset({"training_data"})

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        data = context.training_data
        assert data is not None
        assert len(data.split) == 60_000 and data.target.sum() == 6_000 and data.target.dtype == bool
        assert set(data.networks.modules()) == {"generator", "encoder"}
        return Unlearned(deepcopy(generator))


@hookimpl
def register_methods(register: Any) -> None:
    register(Hungry)
