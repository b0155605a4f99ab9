"""Where a command writes a file that it will not write over."""

from __future__ import annotations

from pathlib import Path

from bench.errors import UsageError
from bench.workspace.store.store import Store


def require_new(out: Path) -> None:
    """Require, before any work, that ``--out`` names a file that is not there yet and can be written.

    Raises
    ------
    UsageError
        If something of that name is there.
    StoreError
        If its folder cannot be written.
    """
    if out.exists():
        raise UsageError(f"--out {out}: already exists. Remove it, or name another file")
    Store(out.parent).require_writable("--out")
