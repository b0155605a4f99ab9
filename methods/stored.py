"""Reference: the generator of a stored cell against another original, such as the first of several requests.

``bench run --sequential`` measures so after each request. Nothing is trained; every weight and statistic is the file's.
"""

from __future__ import annotations

from copy import deepcopy

from pydantic import Field

from bench.api import Context, Feedback, Generator, Method, Unlearned, hookimpl
from bench.toolkit.weights import StoredWeights, read_stored


class Config(StoredWeights):
    """The file of the stored generator."""

    weights: str = Field("", description="unlearned.safetensors of a stored cell of this model; empty: skipped")


class Stored(Method[Config]):
    """The generator of a stored cell, against another original."""

    Config = Config
    reference = True

    def supports(self, model: str, feature: str) -> str | None:
        return self.config.of_another(model) if self.config.weights else "names no stored cell (-p weights=FILE)"

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        return Unlearned(read_stored(self.config, generator) if self.config.weights else deepcopy(generator))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Stored)
