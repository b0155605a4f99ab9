"""Finished blocks of a long pass, stored so that a stopped pass resumes and other processes can help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch
from filelock import FileLock, Timeout
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
        """Return the block that begins at a sample; None if it is not there or was changed.

        If another process is making it, this one waits.
        """
        if self._folder is None:
            return None
        self._folder.mkdir(parents=True, exist_ok=True)
        if (claim := self._claim(self._folder, start)).exists():
            with FileLock(claim):
                pass
        return self._read(self._folder, start)

    def save(self, start: int, block: dict[str, NDArray[Any]]) -> None:
        """Keep a block."""
        if self._folder is not None:
            tensors = {name: torch.from_numpy(array) for name, array in block.items()}
            resuming.save(self._file(self._folder, start), tensors)

    @contextmanager
    def claimed(self, start: int) -> Iterator[bool]:
        """Claim a block; yields whether it is to be made here. A claim ends with its process."""
        if self._folder is None or not self._folder.is_dir():  # all are made and forgotten
            yield False
            return
        lock = FileLock(self._claim(self._folder, start))
        try:
            lock.acquire(timeout=0)
        except Timeout:  # another process makes it
            yield False
            return
        try:
            yield self._read(self._folder, start) is None
        finally:
            lock.release()

    def forget(self) -> None:
        """Remove all blocks."""
        if self._folder is not None:
            rmtree(self._folder, ignore_errors=True)

    def _read(self, folder: Path, start: int) -> dict[str, NDArray[Any]] | None:
        try:
            stored = resuming.load(self._file(folder, start))
        except resuming.Unusable:
            return None
        return {name: array.numpy() for name, array in stored.items()}

    def _file(self, folder: Path, start: int) -> Path:
        return folder / f"{start:012}.pt"

    def _claim(self, folder: Path, start: int) -> Path:
        return folder / f"{start:012}.lock"
