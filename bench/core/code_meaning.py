"""Python files as definitions: what each one means, and which others it refers to.

A definition is a function, a class without its methods, a method, or a module-level assignment. Its *meaning* is its
code without anything that cannot change a number: comments, docstrings, formatting, import lines, type hints of
functions, help texts (``description=``), progress notes (``progress.note(...)``) and the arguments of raised errors. A
reference to another definition counts by that definition's name alone, so that a module may move.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Place:
    """Where a file's imports are looked up: in the engine, in its own package, next to it.

    Attributes
    ----------
    package : str
        Top-level name of the file's own package; "" for a single file.
    folder : Path
        Of that package.
    neighbours : tuple of Path
        Folders whose modules a loose plug-in imports by their bare names.
    """

    package: str
    folder: Path
    neighbours: tuple[Path, ...] = ()


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
    """

    path: Path
    name: str
    place: Place
    definitions: Mapping[str, list[ast.stmt]]
    imports: Mapping[str, tuple[str, str | None]]
    effects: list[ast.stmt]

    def methods(self, name: str) -> dict[str, list[ast.stmt]]:
        """Return the methods of a class of this module by name; empty for anything else."""
        found: dict[str, list[ast.stmt]] = {}
        for node in self.definitions.get(name, ()):
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, FUNCTION):
                    found.setdefault(inner.name, []).append(inner)
        return found

    def nodes(self, name: str) -> list[ast.stmt]:
        """Return the statements of ``f``, ``Class`` (without its methods) or ``Class.method``; of "", the effects."""
        owner, _, method = name.partition(".")
        if method:
            return self.methods(owner)[method]
        return [header(node) for node in self.definitions[owner]] if owner else self.effects


def source_of(path: Path) -> str:
    """Read a file's code."""
    return path.read_text(encoding="utf-8")


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
    tree = ast.parse(code)
    definitions: dict[str, list[ast.stmt]] = {}
    effects: list[ast.stmt] = []
    for node in _statements(tree.body):
        names = list(_names_defined(node))
        for defined in names:
            definitions.setdefault(defined, []).append(node)
        if not names and not isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass)) and not _is_text(node):
            effects.append(node)
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    return Module(path, name, place, definitions, dict(_imports(tree, package)), effects)


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
            parts = package.split(".")
            parts = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield from ((alias.asname or alias.name, (base, alias.name)) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, (alias.name, None)) if alias.asname else (top, (top, None))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


# --- meaning ------------------------------------------------------------------------------------------


def meaning(nodes: list[ast.stmt], renamed: Mapping[str, str] | None = None) -> str:
    """Return what statements mean, as code.

    Parameters
    ----------
    nodes : list of ast.stmt
    renamed : mapping of str to str, optional
        Dotted references as written ("randomness.draw") to their replacements.
    """
    return "\n".join(ast.unparse(ast.fix_missing_locations(_Plain(renamed or {}).visit(_copy(n)))) for n in nodes)


def header(node: ast.stmt) -> ast.stmt:
    """Return a class without its methods; anything else as it is."""
    if not isinstance(node, ast.ClassDef):
        return node
    kept = [inner for inner in node.body if not isinstance(inner, FUNCTION)]
    bare = copy(node)
    bare.body = kept or [ast.Pass()]
    return bare


def _copy(node: ast.stmt) -> ast.stmt:
    return ast.parse(ast.unparse(ast.fix_missing_locations(node))).body[0]


def dotted(node: ast.AST) -> str | None:
    """Return "a.b.c" for a name or a chain of attributes; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (first := dotted(node.value)) is not None:
        return f"{first}.{node.attr}"
    return None


class _Plain(ast.NodeTransformer):
    """Removes what cannot change a number, and rewrites references."""

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self.renamed = renamed

    def _body(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            text = body and isinstance(node, (*FUNCTION, ast.ClassDef)) and _is_text(body[0])
            node.body = (body[1:] if text else body) or [ast.Pass()]  # type: ignore[attr-defined]
        return node

    visit_ClassDef = visit_If = visit_For = visit_While = visit_With = visit_Try = visit_ExceptHandler = _body
    visit_match_case = _body

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self._body(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        called = dotted(node.value.func) if isinstance(node.value, ast.Call) else None
        return None if called is not None and called.endswith("progress.note") else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        node.cause = None
        if isinstance(node.exc, ast.Call) and _is_error(node.exc.func):
            node.exc = node.exc.func
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [k for k in node.keywords if k.arg != "description"]
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._reference(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._reference(node)

    def _reference(self, node: ast.Name | ast.Attribute) -> ast.AST:
        written = dotted(node) or ""
        if written in self.renamed:
            return ast.copy_location(ast.Name(self.renamed[written], node.ctx), node)
        return self.generic_visit(node)


def _is_error(raised: ast.expr) -> bool:
    """Say whether what is raised only speaks to people; another exception may carry a result out of a loop."""
    leaf = (dotted(raised) or "").rpartition(".")[2]
    return leaf.endswith("Error") or leaf in ("Diverged", "Interrupted", "unknown")
