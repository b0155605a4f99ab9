"""Part of the way in weight space from the original to an unlearned generator: a curve of damage from two files.

    theta_0 + share (theta_u - theta_0)

theta_u is a stored cell's generator (``weights``), or that of ``ours`` if no file is named. As in Wortsman et al.:
Robust fine-tuning of zero-shot models (CVPR 2022, arXiv 2109.01903), Eq. 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, UsageError, hookimpl
from bench.toolkit.latent import Direction, DirectionParams, fit_direction
from bench.toolkit.student import StudentParams, train_student
from bench.toolkit.weights import moved


class Config(DirectionParams, StudentParams):
    """How far to go, and to what; without ``weights`` all that ``ours`` takes."""

    share: float = Field(0.5, ge=0, le=1, description="share of the way; 0 is the original, 1 the unlearned generator")
    weights: str = Field("", description="file of an unlearned generator of the same model; empty: train ours")
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


class Interpolate(Method[Config]):
    """Interpolation of weights between the original and an unlearned generator."""

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"share": (0.25, 0.75, 1.0)}

    def also_asks(self) -> tuple[str, ...]:
        return self.config.keep

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        if self.config.weights:
            return Unlearned(moved(generator, stored(self.config, generator), self.config.share))
        direction = fit_direction(generator, feedback, self.config)
        student = train_student(generator, direction, self.config, context)
        return Unlearned(moved(generator, student, self.config.share), direction)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        direction = None if self.config.weights else Direction.unfitted(original.latent_dim, self.config)
        return Unlearned(deepcopy(original), direction)


def stored(config: Config, original: Generator) -> Generator:
    """Read an unlearned generator of the original's structure.

    Raises
    ------
    UsageError
        If the file is missing, was changed, or holds other weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    student, path = deepcopy(original), Path(config.weights)
    try:
        content = path.read_bytes()
        tensors = {name.removeprefix("generator."): t for name, t in load(content).items() if name[:10] == "generator."}
        student.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UsageError(f"-p weights={path}: not an unlearned generator of this model ({_first(error)})") from error
    if sha256(content).hexdigest() != config.sha256:
        raise UsageError(f"-p weights={path}: the file is not the one with sha256 {config.sha256}; leave sha256 out")
    return student


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Interpolate)
