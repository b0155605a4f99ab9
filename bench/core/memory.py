"""A cache of results for blocks of data, keyed by their content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from bench.core import resuming

Arrays = Mapping[str, NDArray[Any]]


class Memory:
    """Cached arrays in a folder, keyed by the code and the data that they were computed from.

    Several processes may use one folder: a file is written whole, and all processes write the same content.

    Parameters
    ----------
    folder : Path
    key : str
        Hash of what computes.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key

    def __call__(self, data: NDArray[Any], compute: Callable[[], Arrays]) -> Arrays:
        """Return the result for the data, or compute and store it; a changed file is made again."""
        digest = sha256(f"{self._key} {data.dtype} {data.shape} ".encode())
        digest.update(data.tobytes())
        path = self._folder / f"{digest.hexdigest()}.pt"
        try:
            return {name: tensor.numpy() for name, tensor in resuming.load(path).items()}
        except resuming.Unusable:
            found = compute()
            resuming.save(path, {name: torch.from_numpy(array) for name, array in found.items()})
            return found
