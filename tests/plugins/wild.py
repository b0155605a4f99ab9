"""Diverges at step 7 of 10."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl


class Config(Params):
    pass


class Wild(Method[Config]):
    Config = Config

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        student = deepcopy(generator).requires_grad_(True)
        optimiser = torch.optim.SGD(student.parameters(), lr=1e-3)
        for step in context.steps(10, {"student": student, "optimiser": optimiser}):
            loss = student(context.noise(step, 4, generator.noise_dim)).mean() * (float("nan") if step == 7 else 1.0)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            context.log(step, loss=loss)
        return Unlearned(student.requires_grad_(False))


@hookimpl
def register_methods(register: Any) -> None:
    register(Wild)
