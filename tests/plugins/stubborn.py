"""Is interrupted twice in its first step."""

from __future__ import annotations

import os
import signal
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl


class Config(Params):
    pass


class Stubborn(Method[Config]):
    Config = Config

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        for _ in context.steps(3, {}):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("it went on")
        raise AssertionError("no step was taken")


@hookimpl
def register_methods(register: Any) -> None:
    register(Stubborn)
