"""A method that changes nothing. `PluginFolder.method` writes one-off methods by replacing its marked lines."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl


class Config(Params):
    pass


class Plain(Method[Config]):
    Config = Config
    # attributes

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        with torch.no_grad():  # body
            return Unlearned(deepcopy(generator))  # body


@hookimpl
def register_methods(register: Any) -> None:
    register(Plain)
