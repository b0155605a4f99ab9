"""Which modules the code of a module imports, anywhere in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from bench.core.code_meaning import dotted
from bench.core.code_modules import Module, absolute

IMPORTERS = ("import_module", "__import__", "run_module", "run_path", "spec_from_file_location", "SourceFileLoader")
RUNNERS = ("exec", "eval")  # by their bare names: networks have a method ``eval``


class Imported(NamedTuple):
    """What a module imports: dotted names, and whether others are computed, as in ``import_module("_" + name)``."""

    names: frozenset[str]
    computed: bool


@lru_cache(maxsize=1024)
def imported(module: Module) -> Imported:
    """Return the modules that a module imports anywhere in its code, and the packages around them."""
    names = {name for name in _named(module) if name}
    around = {".".join(name.split(".")[:i]) for name in names for i in range(1, name.count(".") + 1)}
    return Imported(frozenset(names | around), None in set(_named(module)))


def _named(module: Module) -> Iterator[str | None]:
    """Yield each name, and None for one that is computed; of "from a import b", both "a" and "a.b"."""
    for node in (inner for statement in module.body for inner in ast.walk(statement)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute("." * node.level + (node.module or ""), module.package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call) and _runs_code(node.func):
            first = node.args[0] if node.args else None
            constant = isinstance(first, ast.Constant) and isinstance(first.value, str)
            is_name = constant and (dotted(node.func) or "").rpartition(".")[2] in ("import_module", "__import__")
            yield absolute(first.value, module.package) if is_name else None  # type: ignore[union-attr]


def _runs_code(function: ast.expr) -> bool:
    written = dotted(function) or ""
    return written in RUNNERS or written.rpartition(".")[2] in IMPORTERS
