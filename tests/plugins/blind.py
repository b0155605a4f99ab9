"""Reads no feedback; writes an "x" into the file that TEST_CALLS names, each time it is called."""

from __future__ import annotations

import os
from copy import deepcopy
from typing import Any

import torch

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl


class Config(Params):
    pass


class Blind(Method[Config]):
    Config = Config
    reads_feedback = False

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        assert len(feedback) == 0, "it was handed feedback"
        with open(os.environ["TEST_CALLS"], "a") as file:  # noqa: PTH123 (appended)
            file.write("x")
        student: Any = deepcopy(generator)
        with torch.no_grad():
            student.layer.bias += 0.01 * torch.randn(3, generator=context.rng(0))
        return Unlearned(student)


@hookimpl
def register_methods(register: Any) -> None:
    register(Blind)
