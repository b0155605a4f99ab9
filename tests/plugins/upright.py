"""Less lean, so less slant, and no other change: a method with a parameter that trades removal against damage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from pydantic import Field

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl


class Config(Params):
    strength: float = Field(0.1, ge=0, le=1, description="share of the lean that is taken away")


class Upright(Method[Config]):
    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"strength": (0.3, 0.8)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        student = deepcopy(generator)
        with torch.no_grad():
            student.layer.weight[1] *= 1 - self.config.strength  # type: ignore[index, operator, union-attr]
        return Unlearned(student)


@hookimpl
def register_methods(register: Any) -> None:
    register(Upright)
