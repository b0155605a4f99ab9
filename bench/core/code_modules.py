"""Python files, parsed: what each one defines and imports.

A definition is a function, a class without its methods, a method, or a module-level assignment.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.util import decode_source
from pathlib import Path

from bench.core.code_meaning import FUNCTION, is_text

WHOLE = "*"  # stands for all that a module holds


@dataclass(frozen=True)
class Place:
    """Where a file's imports are looked up: in the engine, in its own package, next to it, on ``sys.path``.

    Attributes
    ----------
    package : str
        Top-level name of the file's own package; "" for a single file.
    folder : Path
        Of that package.
    neighbours : tuple of Path
        Folders whose modules a loose plug-in imports by their bare names.
    whole : bool
        Whether whole modules count, as of all code but the engine's.
    """

    package: str
    folder: Path
    neighbours: tuple[Path, ...] = ()
    whole: bool = False


@dataclass(frozen=True, eq=False)
class Module:
    """A parsed Python file.

    Attributes
    ----------
    path : Path
    name : str
        Dotted name.
    place : Place
    definitions : mapping of str to list of ast.stmt
        Functions, classes and assignments at module level; several statements may define one name.
    imports : mapping of str to (str, str or None)
        Local name to the dotted module and the name taken from it; None if the module itself is meant.
    effects : list of ast.stmt
        Other statements at module level, which run whenever the module is imported.
    body : list of ast.stmt
        All statements.
    """

    path: Path
    name: str
    place: Place
    definitions: Mapping[str, list[ast.stmt]]
    imports: Mapping[str, tuple[str, str | None]]
    effects: list[ast.stmt]
    body: list[ast.stmt]

    @property
    def package(self) -> str:
        """Dotted name of the package from which relative imports are resolved."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]

    def methods(self, name: str) -> dict[str, list[ast.stmt]]:
        """Return the methods of a class of this module by name; empty for anything else."""
        found: dict[str, list[ast.stmt]] = {}
        for node in self.definitions.get(name, ()):
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, FUNCTION):
                    found.setdefault(inner.name, []).append(inner)
        return found

    def nodes(self, name: str) -> list[ast.stmt]:
        """Return the statements of ``f``, ``Class`` (without its methods) or ``Class.method``; of "", the effects.

        ``WHOLE`` means all statements.
        """
        if name == WHOLE:
            return self.body
        owner, _, method = name.partition(".")
        if method:
            return self.methods(owner)[method]
        return [header(node) for node in self.definitions[owner]] if owner else self.effects


def source_of(path: Path) -> str:
    """Read a file's code; the sha256 of a compiled module stands for it."""
    content = path.read_bytes()
    try:
        return decode_source(content) if path.suffix == ".py" else _opaque(content)
    except (SyntaxError, UnicodeDecodeError):  # Python could not import it either
        return _opaque(content)


def _opaque(content: bytes) -> str:
    return f"sha256 = {sha256(content).hexdigest()!r}"


def module_at(path: Path, name: str, place: Place) -> Module:
    """Parse a file; the result is cached until the file changes.

    Parameters
    ----------
    path : Path
    name : str
        Its dotted name, from which relative imports are resolved.
    place : Place
    """
    return _parsed(path, name, place, source_of(path))


@lru_cache(maxsize=1024)
def _parsed(path: Path, name: str, place: Place, code: str) -> Module:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):  # imported at most by code that expects the error
        tree = ast.parse(_opaque(code.encode()))
    definitions: dict[str, list[ast.stmt]] = {}
    effects: list[ast.stmt] = []
    for node in _statements(tree.body):
        names = list(_names_defined(node))
        for defined in names:
            definitions.setdefault(defined, []).append(node)
        if not names and not isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass)) and not is_text(node):
            effects.append(node)
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    return Module(path, name, place, definitions, dict(_imports(tree, package)), effects, tree.body)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield a module's statements, those of its ``if``, ``try`` and ``with`` blocks included."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _statements([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            handlers = [inner for handler in node.handlers for inner in handler.body]
            yield from _statements([*node.body, *handlers, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.With):
            yield from _statements(node.body)
        else:
            yield node


def _names_defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (*FUNCTION, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name))


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[str, tuple[str, str | None]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = absolute("." * node.level + (node.module or ""), package)
            for alias in node.names:
                local = f"*{base}" if alias.name == "*" else alias.asname or alias.name
                yield local, (base, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, (alias.name, None)) if alias.asname else (top, (top, None))


def absolute(written: str, package: str) -> str:
    """Return the dotted name that "..a.b" means in a package."""
    name = written.lstrip(".")
    level, parts = len(written) - len(name), package.split(".")
    return ".".join([*(parts[: len(parts) - level + 1] if level else []), *([name] if name else [])])


def header(node: ast.stmt) -> ast.stmt:
    """Return a class without its methods; anything else as it is."""
    if not isinstance(node, ast.ClassDef):
        return node
    kept = [inner for inner in node.body if not isinstance(inner, FUNCTION)]
    bare = copy(node)
    bare.body = kept or [ast.Pass()]
    return bare
