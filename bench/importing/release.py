"""What an official file holds, and how it is read: by torch's restricted unpickler, which runs nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from bench.errors import CheckpointError

State = dict[str, Tensor]


class BaseConfig:
    """Stands for ``models.utils.config.BaseConfig``, the empty class in which pytorch_GAN_zoo keeps settings."""


@dataclass(frozen=True)
class Release:
    """An official file's tensors, and how they become those of this project's networks.

    Attributes
    ----------
    model : str
        Registered name.
    candidates : mapping of str to dict
        What the file may be, in words, and the fields of the model's Config for it; the first that fits is taken.
    tensors : dict of str to Tensor
        By the file's names.
    origin : callable
        Maps our name of a tensor ("generator.format.bias") to the file's.
    adapt : callable
        Maps the file's values to ours, both under our names.
    own : dict of str to Tensor
        Tensors that only this project has, under our names.
    remedy : str
        What to do where no candidate fits.
    """

    model: str
    candidates: Mapping[str, dict[str, Any]]
    tensors: State = field(repr=False)
    origin: Callable[[str], str]
    adapt: Callable[[State], State]
    own: State
    remedy: str


def read_pickle(path: Path) -> Any:
    """Read a file of ``torch.save``: tensors, containers and ``BaseConfig``; raises CheckpointError naming the file."""
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        with torch.serialization.safe_globals([(BaseConfig, "models.utils.config.BaseConfig")]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the bytes provoke
        asked = re.search(r"GLOBAL ([\w.]+)", str(error)) if isinstance(error, UnpicklingError) else None
        if asked is None:
            raise CheckpointError(
                f"{path}: is truncated, or no file of torch.save ({type(error).__name__} on reading it)"
            ) from error
        raise CheckpointError(
            f"{path}: is refused, and nothing in it was run: it asks for '{asked[1]}', where tensors and containers "
            "(and the settings of a pgan file) are allowed"
        ) from error


def state_dict(content: Any, what: str) -> State:
    """Return a state dict's tensors by name; raises CheckpointError, starting with ``what``, if it is none."""
    if not (isinstance(content, Mapping) and content and all(isinstance(name, str) for name in content)):
        raise CheckpointError(f"{what} is no state dict (names and tensors), but of type {type(content).__name__}")
    for name, tensor in content.items():
        plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided and tensor.device.type == "cpu"
        if not (plain and tensor.is_floating_point()):
            raise CheckpointError(
                f"{what} is no state dict of weights: '{name}' is no tensor of floating-point numbers"
            )
    return dict(content)
