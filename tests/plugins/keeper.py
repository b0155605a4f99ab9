"""Asks for clicks on a further attribute, and tells how many it got by a bias of what it returns."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from pydantic import Field

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl


class Config(Params):
    keep: str | None = Field(None, description="attribute to keep")


class Keeper(Method[Config]):
    Config = Config

    def also_asks(self) -> tuple[str, ...]:
        return () if self.config.keep is None else (self.config.keep,)

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        assert tuple(feedback.also) == self.also_asks(), feedback.also
        student: Any = deepcopy(generator)
        clicks = sum(int(labels.sum()) for labels in feedback.also.values())
        student.layer.bias.data[2] = clicks / 1000
        return Unlearned(student)


@hookimpl
def register_methods(register: Any) -> None:
    register(Keeper)
