"""What a file of somebody else's holds, and how it is read: by torch's restricted unpickler, which runs nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bench.errors import CheckpointError

State = dict[str, Tensor]


class BaseConfig:
    """Stands for ``models.utils.config.BaseConfig``, the empty class in which pytorch_GAN_zoo keeps settings."""


OFFICIAL_CONFIG = "models.utils.config"


def unchanged(state: State) -> State:
    """Return a state as it is: its numbers mean the same here."""
    return state


@dataclass(frozen=True)
class Release:
    """A file's tensors, and how they become those of this project's networks.

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
    remedy : str
        What to do where no candidate fits.
    adapt : callable
        Maps the file's values to ours, both under our names.
    restore : callable
        Maps our values of the generator back to the file's.
    own : dict of str to Tensor
        Tensors that only this project has, under our names.
    """

    model: str
    candidates: Mapping[str, dict[str, Any]]
    tensors: State = field(repr=False)
    origin: Callable[[str], str]
    remedy: str
    adapt: Callable[[State], State] = unchanged
    restore: Callable[[State], State] = unchanged
    own: State = field(default_factory=dict)


def read_pickle(path: Path) -> Any:
    """Read a file of ``torch.save``: tensors, containers and ``BaseConfig``; raises CheckpointError naming the file."""
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        with torch.serialization.safe_globals([(BaseConfig, f"{OFFICIAL_CONFIG}.BaseConfig")]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the bytes provoke
        asked = re.search(r"GLOBAL ([\w.]+)", str(error)) if isinstance(error, UnpicklingError) else None
        if asked is None:
            raise CheckpointError(
                f"{path}: is truncated, or no file of torch.save ({type(error).__name__} on reading it)"
            ) from error
        raise CheckpointError(
            f"{path}: is refused, and nothing in it was run: it asks for '{asked[1]}', where tensors and containers "
            "(and the settings of a pgan file) are allowed. Save the weights alone, where the file comes from: "
            "torch.save(module.state_dict(), FILE)"
        ) from error


@contextmanager
def official_names() -> Iterator[None]:
    """Let ``torch.save`` write ``BaseConfig`` under the name by which the official code finds its own class."""
    names = ("models", "models.utils", OFFICIAL_CONFIG)
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: ModuleType(name) for name in names})
    sys.modules[OFFICIAL_CONFIG].BaseConfig = BaseConfig  # type: ignore[attr-defined]
    BaseConfig.__module__ = OFFICIAL_CONFIG
    try:
        yield
    finally:
        BaseConfig.__module__ = __name__
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def state_dict(content: Any, what: str) -> State:
    """Return the tensors of a state dict by name; raises CheckpointError, starting with ``what``, if it is none."""
    if not (isinstance(content, Mapping) and content and all(isinstance(name, str) for name in content)):
        raise CheckpointError(f"{what} is no state dict (names and tensors), but of type {type(content).__name__}")
    for name, tensor in content.items():
        plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided and tensor.device.type == "cpu"
        if not plain or tensor.is_complex() or tensor.is_quantized:
            raise CheckpointError(f"{what} is no state dict (names and tensors): '{name}' is no plain tensor")
    return dict(content)
