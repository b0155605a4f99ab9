"""JSON files that verify themselves: the field ``sha256`` hashes all others, so that a changed bit is noticed."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from bench.core.code_hash import digest
from bench.core.files import write_bytes
from bench.core.reading import read_json

FIELD = "sha256"
CHANGED = "was changed since it was written: its sha256 differs"


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object of JSON values atomically, with its sha256."""
    sealed = {**content, FIELD: digest(dict(content))}
    write_bytes(path, json.dumps(sealed, indent=2, allow_nan=False, sort_keys=True).encode() + b"\n")


def read(path: Path) -> dict[str, Any]:
    """Read what ``write`` wrote; raises OSError, or ValueError if a value differs."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError("is not a JSON object")
    return verified(content)


def read_fast(path: Path) -> dict[str, Any] | None:
    """Read what ``write`` wrote, in a fifth of the time of ``read``; None for any other content.

    Raises FileNotFoundError if there is nothing. A right sha256 says that the content is what was written, so that it
    need not be looked through.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a named pipe would wait for ever
            return None
        return verified(from_json(path.read_bytes()))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError, AttributeError):
        return None


def unsealed(content: Any) -> Any:
    """Return content without its sha256 if it has one, which a file written by hand does not; see ``verified``."""
    return verified(content) if isinstance(content, dict) and FIELD in content else content


def verified(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without its sha256; raises ValueError if that is missing or differs."""
    rest = {name: value for name, value in content.items() if name != FIELD}
    if content.get(FIELD) != digest(rest):
        raise ValueError(CHANGED if FIELD in content else "has no sha256")
    return rest
