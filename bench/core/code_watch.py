"""Check that plug-in code has not changed since the keys were made: later processes import the files of that time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from bench.core.code_hash import Root, others_modules
from bench.core.code_meaning import meaning
from bench.core.code_modules import Module, Place, module_at
from bench.core.remembered import remembered


@remembered
def sources_of(*roots: Root) -> dict[str, str]:
    """Return every file of others' code that can run, by its path, and a hash of what it means."""
    return {str(module.path): _hash(module) for module in others_modules(*roots)}


def changed(sources: Mapping[str, str]) -> list[str]:
    """Return the files whose meaning has changed, or that are gone."""
    return [path for path, known in sources.items() if _hash_now(Path(path)) != known]


@lru_cache(maxsize=1024)  # a module is parsed anew when its file changes
def _hash(module: Module) -> str:
    return sha256(meaning(module.body, imports=True).encode()).hexdigest()


def _hash_now(path: Path) -> str | None:
    try:
        return _hash(module_at(path, "", Place("", path.parent)))
    except OSError:
        return None
