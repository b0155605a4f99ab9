"""Weights of generators: those of a stored cell as a hyper-parameter, with their hash; the way between two."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field, model_validator
from torch import Tensor

from bench.api import Generator, Params, UsageError

HEAD = "generator."  # of the names of its tensors


class StoredWeights(Params):
    """Fields that name a file of weights; inherit them in a method's ``Config``."""

    weights: str = Field("", description="unlearned.safetensors of a stored cell of this model")
    sha256: str = Field("", description="of that file; computed if left out")
    unkeyed: ClassVar[frozenset[str]] = frozenset({"weights"})

    @model_validator(mode="before")
    @classmethod
    def _hashed(cls, fields: Any) -> Any:
        """Add the file's hash, so that another file is another cell."""
        name = fields.get("weights") if isinstance(fields, Mapping) else None
        if not name or fields.get("sha256"):
            return fields
        remedy = "Name that of a stored cell: -p weights=results/runs/CELL/unlearned.safetensors"
        if not Path(name).is_file():
            raise ValueError(f"weights={name}: the file was not found. {remedy}")
        if not _holds_a_generator(Path(name)):
            raise ValueError(f"weights={name}: the file does not hold an unlearned generator. {remedy}")
        return {**fields, "sha256": sha256(Path(name).read_bytes()).hexdigest()}

    def of_another(self, model: str) -> str | None:
        """Return that the file holds a generator of another model, for ``Method.supports``; None if it does not."""
        found = _model_in(Path(self.weights)) if self.weights else None
        return f"-p weights={self.weights} holds the model '{found}'" if found not in (None, "", model) else None


def _holds_a_generator(path: Path) -> bool:
    return _model_in(path) is not None


def _model_in(path: Path) -> str | None:
    """Return the name of the model whose generator a file holds, "" if it does not say; None if it holds none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as content:
            named = (content.metadata() or {}).get("name", "")
            return named if any(name.startswith(HEAD) for name in content.keys()) else None
    except (OSError, SafetensorError):
        return None


def read_stored(params: StoredWeights, original: Generator) -> Generator:
    """Read an unlearned generator of the original's structure.

    Raises
    ------
    UsageError
        If the file is missing, was changed, or holds other weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    student, path = deepcopy(original), Path(params.weights)
    try:
        content = path.read_bytes()
        tensors = {name.removeprefix(HEAD): t for name, t in load(content).items() if name.startswith(HEAD)}
        student.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UsageError(f"-p weights={path}: not an unlearned generator of this model ({reason})") from error
    if sha256(content).hexdigest() != params.sha256:
        raise UsageError(f"-p weights={path}: the file is not the one with sha256 {params.sha256}; leave sha256 out")
    return student


@torch.no_grad()
def moved(original: Generator, other: Generator, share: float) -> Generator:
    """Return a copy of the original whose weights moved by ``share`` of the way to another's of the same structure.

    theta_0 + share (theta - theta_0): a negative share goes the opposite way. Buffers, such as the statistics of batch
    norm, stay the original's: a variance would fall below 0 that way. ``between`` moves buffers too.

    Parameters
    ----------
    original, other : Generator
    share : float
    """
    result = deepcopy(original)
    for weight, end in zip(result.parameters(), other.parameters(), strict=True):
        weight.lerp_(end, share)
    return result


@torch.no_grad()
def between(original: Generator, other: Generator, share: float) -> Generator:
    """Return the generator that lies ``share`` of the way from the original to another of the same structure.

    At 0 it is the original, at 1 the other, bit for bit. Weights and floating-point buffers, such as the statistics of
    batch norm, are interpolated; all other state (counts, flags, ProgGAN's level) is that of the nearer end.

    Parameters
    ----------
    original, other : Generator
    share : float
        In [0, 1], so that variances stay at least 0.
    """
    result = deepcopy(original if share < 0.5 else other)
    for number, start, end in zip(*(_numbers(each) for each in (result, original, other)), strict=True):
        # equal numbers stay as they are: between infinite ones, as a mask has, lerp would give NaN
        number.copy_(torch.where(start == end, number, start.lerp(end, share)))
    return result


def _numbers(generator: Generator) -> list[Tensor]:
    """Return weights and buffers that are floating-point numbers."""
    return [each for each in (*generator.parameters(), *generator.buffers()) if each.is_floating_point()]
