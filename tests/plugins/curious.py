"""Looks at all that it is handed. Tests change what it needs."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl

HANDED_OVER = ("oracle", "encoder", "discriminator", "training_data")


class Config(Params):
    pass


class Curious(Method[Config]):
    Config = Config
    needs = frozenset()

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        given = {name for name in HANDED_OVER if getattr(context, name) is not None}
        assert given == self.needs, given
        assert not any(p.requires_grad for p in generator.parameters()) and not generator.training
        return Unlearned(deepcopy(generator))


@hookimpl
def register_methods(register: Any) -> None:
    register(Curious)
