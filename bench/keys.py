"""Keys: a stage's key hashes exactly what the stage reads, so a stored result is never stale and never lost.

Code counts by meaning: comments, docstrings and formatting do not change a key.
"""

from __future__ import annotations

import ast
import inspect
import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

# Modules of the engine that every plug-in imports for their types alone.
CONTRACT = frozenset({"bench.api", "bench.errors", "bench.feedback", "bench.context"})


def digest(content: Any) -> str:
    """Hash JSON content to 64 hex digits."""
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def code_of(plugin: type[Any]) -> str:
    """Hash a plug-in's file and the engine modules it imports, directly or through each other."""
    path = inspect.getsourcefile(plugin)
    assert path is not None
    return _code_of_files(tuple(sorted(_reachable(Path(path)))))


def code_of_module(name: str) -> str:
    """Hash a module of the engine by its dotted name."""
    path = _engine_file(name)
    assert path is not None, name
    return _code_of_files((path,))


@lru_cache
def _code_of_files(paths: tuple[Path, ...]) -> str:
    return digest(sorted(_meaning(path) for path in paths))  # a checkout and a wheel lie in other folders


def _meaning(path: Path) -> str:
    """Return a file's code without comments, docstrings and formatting."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _reachable(path: Path) -> set[Path]:
    found, waiting = {path}, [path]
    while waiting:
        for name in _engine_imports(waiting.pop()):
            file = _engine_file(name)
            if file is not None and file not in found:
                found.add(file)
                waiting.append(file)
    return found


@lru_cache
def _engine_imports(path: Path) -> tuple[str, ...]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return tuple(sorted(name for name in names if name.startswith("bench.") and name not in CONTRACT))


def _engine_file(name: str) -> Path | None:
    file = Path(__file__).parent.joinpath(*name.split(".")[1:]).with_suffix(".py")
    return file if file.is_file() else None
