"""The tensors of a file of other code, and how they map to ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bench.errors import CheckpointError

State = dict[str, Tensor]


def unchanged(state: State) -> State:
    """Return a state unchanged: its numbers mean the same here."""
    return state


@dataclass(frozen=True)
class Release:
    """A file's tensors, and how they become those of this project's networks.

    Attributes
    ----------
    model : str
        Registered name.
    candidates : mapping of str to dict
        What the file may hold, in words, with the fields of the model's Config for it; the first that fits is taken.
    tensors : dict of str to Tensor
        By the file's names.
    origin : callable
        Maps our name of a tensor ("generator.format.bias") to the file's.
    remedy : str
        What to do if no candidate fits.
    adapt : callable
        Maps the file's values to ours, both under our names.
    restore : callable
        Maps our values of the generator back to the file's.
    own : dict of str to Tensor
        Tensors that the file lacks by right, under our names.
    wrapper : frozenset of str
        Those of them that belong to the plug-in around a foreign module.
    """

    model: str
    candidates: Mapping[str, dict[str, Any]]
    tensors: State = field(repr=False)
    origin: Callable[[str], str]
    remedy: str
    adapt: Callable[[State], State] = unchanged
    restore: Callable[[State], State] = unchanged
    own: State = field(default_factory=dict)
    wrapper: frozenset[str] = frozenset()


def state_dict(content: Any, what: str) -> State:
    """Return the tensors of a state dict by name; raises CheckpointError, starting with ``what``, if it is not one."""
    if not (isinstance(content, Mapping) and content and all(isinstance(name, str) for name in content)):
        raise CheckpointError(f"{what} is not a state dict (names and tensors) but of type {type(content).__name__}")
    for name, tensor in content.items():
        plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided and tensor.device.type == "cpu"
        if not plain or tensor.is_complex() or tensor.is_quantized:
            raise CheckpointError(f"{what} is not a state dict (names and tensors): '{name}' is not a plain tensor")
    return dict(content)
