"""Look at files that running cells rename and remove meanwhile: one that is gone is None, not an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def facts_of(path: Path, *, follow_symlinks: bool = True) -> os.stat_result | None:
    """Return what the file system says of a file or folder (size, times, links); None if it is gone."""
    try:
        return path.stat(follow_symlinks=follow_symlinks)
    except (FileNotFoundError, NotADirectoryError):
        return None


def files_below(path: Path) -> Iterator[Path]:
    """Yield the files below a folder at any depth; a folder that is gone, or not ours to read, has none."""
    for place, _, names in os.walk(path):
        yield from (Path(place, name) for name in names)
