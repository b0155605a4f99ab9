"""The original generator, unchanged, measured like every method (the paper's "Original" columns)."""

from __future__ import annotations

from copy import deepcopy

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, hookimpl


class Config(Params):
    """No hyper-parameters."""


class Original(Method[Config]):
    """Changes nothing."""

    Config = Config
    reads_feedback = False
    reference = True

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(deepcopy(generator))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Original)
