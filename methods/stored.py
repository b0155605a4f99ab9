"""Reference: what a stored cell left, measured against another original, such as the first of several requests.

``bench run --sequential`` measures so after each request. Nothing is trained; every weight and statistic is the file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from bench.api import Context, Feedback, Generator, Method, Params, Unlearned, UsageError, hookimpl


class Config(Params):
    """Which file."""

    weights: str = Field("", description="unlearned.safetensors of a stored cell of this model; empty: skipped")
    sha256: str = Field("", description="of that file; found by itself")

    @model_validator(mode="before")
    @classmethod
    def _hashed(cls, fields: Any) -> Any:
        """Add the file's hash, so that another file is another cell."""
        name = fields.get("weights") if isinstance(fields, Mapping) else None
        if not name or fields.get("sha256"):
            return fields
        if not Path(name).is_file():
            raise ValueError(f"weights={name}: there is no such file; name unlearned.safetensors of a stored cell")
        return {**fields, "sha256": sha256(Path(name).read_bytes()).hexdigest()}


class Stored(Method[Config]):
    """The generator of a stored cell, against another original."""

    Config = Config

    def supports(self, model: str, feature: str) -> str | None:
        return None if self.config.weights else "names no stored cell (-p weights=FILE)"

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        from safetensors import SafetensorError
        from safetensors.torch import load

        student, path = deepcopy(generator), Path(self.config.weights)
        if not self.config.weights:
            return Unlearned(student)
        try:
            content = path.read_bytes()
            tensors = {name: t for name, t in load(content).items() if name.startswith("generator.")}
            student.load_state_dict({name.removeprefix("generator."): t for name, t in tensors.items()})
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise UsageError(f"-p weights={path}: not an unlearned generator of this model ({reason})") from error
        if sha256(content).hexdigest() != self.config.sha256:
            raise UsageError(f"-p weights={path}: the file has changed since the run began. Run the command again")
        return Unlearned(student)


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Stored)
