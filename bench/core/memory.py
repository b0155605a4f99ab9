"""What was computed of blocks of data, kept by their content, so that nobody computes it again."""

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
    """Arrays in a folder, by what computed them and by the data they were computed from.

    Several processes may use one folder: a file is written whole, and whoever writes it writes the same.

    Parameters
    ----------
    folder : Path
    key : str
        Hash of what computes.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key

    def __call__(self, data: NDArray[Any], compute: Callable[[], Arrays]) -> Arrays:
        """Return what was computed of the data, or compute and keep it; a changed file is made again."""
        digest = sha256(f"{self._key} {data.dtype} {data.shape} ".encode())
        digest.update(data.tobytes())
        path = self._folder / f"{digest.hexdigest()}.pt"
        try:
            return {name: tensor.numpy() for name, tensor in resuming.load(path, torch.device("cpu")).items()}
        except resuming.Unusable:
            found = compute()
            resuming.save(path, {name: torch.from_numpy(array) for name, array in found.items()})
            return found
