"""Imports as a process sees them that has imported nothing of a folder yet."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent


@contextlib.contextmanager
def fresh_imports(folder: Path) -> Iterator[None]:
    """Work in a folder; forget its modules afterwards."""
    modules, paths = set(sys.modules), list(sys.path)
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path[:] = paths
        sys.path_importer_cache.clear()
        for name in set(sys.modules) - modules:
            if str(folder) in str(getattr(sys.modules[name], "__spec__", "")):
                del sys.modules[name]


def write_modules(folder: Path, files: dict[str, str]) -> None:
    """Write Python files by name, without their suffix."""
    for name, code in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(code).lstrip("\n"), encoding="utf-8")
