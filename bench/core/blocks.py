"""Finished parts of a long pass, kept so that a stopped one resumes."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from typing import Any

import torch
from numpy.typing import NDArray

from bench.core import resuming


class Blocks:
    """Finished blocks of a pass in a folder, each checked by its sha256 when it is read.

    Parameters
    ----------
    folder : Path or None
        None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, start: int) -> dict[str, NDArray[Any]] | None:
        """Return the block that begins at a sample; None if it is not there or was changed."""
        if self._folder is None:
            return None
        try:
            stored = resuming.load(self._file(self._folder, start), torch.device("cpu"))
        except resuming.Unusable:
            return None
        return {name: array.numpy() for name, array in stored.items()}

    def save(self, start: int, block: dict[str, NDArray[Any]]) -> None:
        """Keep a block."""
        if self._folder is not None:
            tensors = {name: torch.from_numpy(array) for name, array in block.items()}
            resuming.save(self._file(self._folder, start), tensors)

    def forget(self) -> None:
        """Remove all blocks."""
        if self._folder is not None:
            rmtree(self._folder, ignore_errors=True)

    def _file(self, folder: Path, start: int) -> Path:
        return folder / f"{start:012}.pt"
