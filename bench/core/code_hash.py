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
CONTRACT = frozenset({"bench.api", "bench.errors", "bench.api.feedback", "bench.api.context"})
SIBLINGS = ("methods", "classifiers", "datasets")  # in a checkout they lie beside bench/, in the wheel inside it


def digest(content: Any) -> str:
    """Hash JSON content to 64 hex digits."""
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def code_of(plugin: type[Any]) -> str:
    """Hash a plug-in's file, the engine modules it imports, directly or through each other, and its own package's."""
    path = inspect.getsourcefile(plugin)
    assert path is not None
    return _code_of_files(tuple(sorted(_reachable(Path(path), plugin.__module__))))


def code_of_modules(*names: str) -> str:
    """Hash modules of the engine, by their dotted names; what they import does not count."""
    paths = [_file_of(name, _engine()) for name in names]
    assert None not in paths, names
    return _code_of_files(tuple(path for path in paths if path is not None))


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


def _reachable(path: Path, module: str = "") -> set[Path]:
    """Return a module's file and those it imports: of the engine, and of the package an installed plug-in lies in."""
    roots = _engine()
    top = module.partition(".")[0]
    depth = module.count(".") + (path.stem == "__init__")
    if top != module and top not in roots and depth < len(path.parents):
        roots[top] = path.parents[depth]
    found, waiting = {path}, [(path, module)]
    while waiting:
        for name in _imports(*waiting.pop()):
            file = _file_of(name, roots)
            if file is not None and file not in found:
                found.add(file)
                waiting.append((file, name))
    return found


@lru_cache
def _imports(path: Path, module: str) -> tuple[str, ...]:
    """Return the dotted names a file imports; a name taken from a module may be a module itself."""
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return tuple(sorted(names - CONTRACT - {"bench"}))


def _engine() -> dict[str, Path]:
    return {"bench": Path(__file__).parents[2]}


def _file_of(name: str, roots: dict[str, Path]) -> Path | None:
    """Return the file of a module of one of the packages, by the folder that holds the package."""
    root = roots.get(name.partition(".")[0])
    if root is None:
        return None
    parts = name.split(".")
    beside = (
        parts[0] == "bench" and len(parts) > 1 and parts[1] in SIBLINGS and not (root / "bench" / parts[1]).is_dir()
    )
    stem = root.joinpath(*(parts[1:] if beside else parts))
    return next((file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()), None)
