"""Build networks from a file's description, which can ask for any size: refuse more than its tensors justify."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

MAKERS = frozenset(
    (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.randint, torch.randperm)
    + (torch.arange, torch.linspace, torch.logspace, torch.eye, torch.empty_strided, torch.tril_indices)
)  # what networks are made with
FACTOR = 16  # networks may have parts that the file lacks (a discriminator), and need tensors while they are made
SPARE_VALUES, SPARE_TENSORS = 2**24, 1024


class TooLarge(Exception):
    """The networks need more than their weights justify."""


class WithinReason(TorchFunctionMode):
    """Raises TooLarge before memory is taken for networks far larger than the tensors that they are to hold.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        What the file holds.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.held = len(tensors), sum(tensor.numel() for tensor in tensors.values())
        self.count = FACTOR * self.held[0] + SPARE_TENSORS
        self.values = FACTOR * self.held[1] + SPARE_VALUES

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        if func in MAKERS:
            self.count -= 1
            self.values -= _numel(func, args, given)
            if min(self.count, self.values) < 0:
                raise TooLarge(
                    f"is much larger than the {self.held[0]:,} tensors of {self.held[1]:,} values in the file"
                )
        return func(*args, **given)


def _numel(func: Callable[..., Tensor], args: Any, given: Mapping[str, Any]) -> int:
    """Return how many values a call makes, without memory for these; 0 if it is going to fail."""
    try:
        return func(*args, **{**given, "device": "meta"}).numel()
    except Exception:
        return 0
