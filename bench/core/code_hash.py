"""Keys: a stage's key hashes what the stage reads, so that a stored result is reused only while it would be the same.

Only code that can run counts, and only its meaning (``code_meaning.py``): the functions and classes that a stage starts
with, and every definition they refer to, directly or indirectly. A method of such a class counts if its name appears
anywhere in the code that counts. Modules that compute nothing do not count.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from bench.core.code_meaning import Module, Place, dotted, meaning, module_at
from bench.core.old_paths import MOVED

# They only report, find, store and lock. tests/core/test_key_coverage.py checks this list against what runs in a cell.
NUMBERLESS = frozenset(
    f"bench.{name}"
    for name in (
        "core.code_hash", "core.code_meaning", "core.files", "core.machine", "core.old_paths", "core.progress",
        "core.resuming", "core.sealed", "core.sources", "errors", "hookspecs", "registry", "workspace.seals",
        "workspace.store",
    )
)  # fmt: skip
ENGINE = Place("bench", Path(__file__).parents[1])
SIBLINGS = ("methods", "classifiers", "datasets")  # next to bench/ in a checkout, inside it in the wheel
# A method with any other decorator may run although its name appears nowhere: a validator, for instance.
PASSIVE_DECORATORS = frozenset(
    {"abstractmethod", "property", "cached_property", "staticmethod", "classmethod", "override", "no_grad"}
)
PASSIVE_BASES = frozenset({"ABC", "Generic", "Protocol", "NamedTuple"})  # they call no method by themselves


class Symbol(NamedTuple):
    """A definition: ``f``, ``Class`` (without its methods) or ``Class.method``; "" for what a module's import runs."""

    module: Module
    name: str


def digest(content: Any) -> str:
    """Hash JSON content to 64 hex digits."""
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


@lru_cache(maxsize=512)
def code_of(*roots: type[Any] | Callable[..., Any]) -> str:
    """Hash all code that can run, starting from functions and classes; 64 hex digits."""
    return digest(sorted(_text(symbol) for symbol in reached(*roots)))


def reached(*roots: type[Any] | Callable[..., Any]) -> set[Symbol]:
    """Return every definition that can run, starting from functions and classes."""
    found: set[Symbol] = set()
    written: set[str] = set()  # every attribute's name in the code that counts
    dormant: dict[str, list[Symbol]] = {}  # methods of reached classes whose name is not among them yet
    waiting = [symbol for root in roots for symbol in _symbols_of(root)]
    while waiting:
        symbol = waiting.pop()
        if symbol in found or symbol.module.name in NUMBERLESS or not symbol.module.nodes(symbol.name):
            continue
        found.add(symbol)
        waiting.append(Symbol(symbol.module, ""))
        waiting += [reference for _, reference in _references(symbol)]
        for name in _attributes(symbol) - written:
            written.add(name)
            waiting += dormant.pop(name, [])
        for method, active in _methods(symbol):
            name = method.name.partition(".")[2]
            if active or name in written:
                waiting.append(method)
            else:
                dormant.setdefault(name, []).append(method)
    return found


def _symbols_of(root: type[Any] | Callable[..., Any]) -> Iterator[Symbol]:
    """Yield the definition of a root; of a method, its class too."""
    path, name = Path(inspect.getsourcefile(inspect.unwrap(root)) or ""), root.__module__
    top, depth = name.partition(".")[0], name.count(".") + (path.stem == "__init__")
    if top == "bench":
        place = ENGINE
    elif depth:  # a module of a package
        place = Place(top, path.parents[depth - 1])
    else:
        place = Place("", path.parent)
    if top.startswith("bench_plugin_"):  # a loose plug-in imports its neighbours, and modules of the current folder
        around = place.folder.parent if depth else place.folder
        place = Place(place.package, place.folder, (around.resolve(), Path.cwd()))
    module = module_at(path, name, place)
    yield Symbol(module, root.__qualname__)
    if "." in root.__qualname__:
        yield Symbol(module, root.__qualname__.partition(".")[0])


@lru_cache(maxsize=8192)
def _text(symbol: Symbol) -> str:
    """Return a definition's meaning; a reference in it counts by its name and its own meaning."""
    renamed = {
        written: f"{found.name}#{_own_meaning(found)}"
        for written, found in _references(symbol)
        if found.module.name not in NUMBERLESS
    }
    return f"{symbol.name.rpartition('.')[0]}: {meaning(symbol.module.nodes(symbol.name), renamed)}"


@lru_cache(maxsize=8192)
def _own_meaning(symbol: Symbol) -> str:
    return sha256(meaning(symbol.module.nodes(symbol.name)).encode()).hexdigest()[:12]


@lru_cache(maxsize=8192)
def _attributes(symbol: Symbol) -> frozenset[str]:
    nodes = (inner for node in symbol.module.nodes(symbol.name) for inner in ast.walk(node))
    return frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))


@lru_cache(maxsize=8192)
def _references(symbol: Symbol) -> tuple[tuple[str, Symbol], ...]:
    """Return the references in a definition: each as written, and the definition it means."""
    found: dict[str, Symbol] = {}
    waiting: list[ast.AST] = list(symbol.module.nodes(symbol.name))
    while waiting:
        node = waiting.pop()
        parts = tuple((dotted(node) or "").split("."))
        meant, count = _resolve(symbol.module, parts)
        if meant is not None:
            found[".".join(parts[:count])] = meant
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return tuple(found.items())


def _resolve(
    module: Module, parts: tuple[str, ...], seen: frozenset[Module] = frozenset()
) -> tuple[Symbol | None, int]:
    """Return the definition that a dotted name begins with in a module, and how many of its parts name it."""
    if parts[0] in module.definitions:
        return Symbol(module, parts[0]), 1
    if parts[0] not in module.imports or module in seen:
        return None, 0
    base, taken = module.imports[parts[0]]
    inner, count = _module(base if taken is None else f"{base}.{taken}", module.place), 1
    if inner is None:
        outer = _module(base, module.place)
        return (None, 0) if outer is None or taken is None else _resolve(outer, (taken, *parts[1:]), seen | {module})
    while count < len(parts) and (deeper := _module(f"{inner.name}.{parts[count]}", inner.place)) is not None:
        inner, count = deeper, count + 1
    if count == len(parts):
        return None, 0
    found, more = _resolve(inner, parts[count:], seen | {module})
    return found, count + more


def _module(name: str, place: Place) -> Module | None:
    """Return a module of the engine, of the place's package or among its neighbours; None for others' modules."""
    name = MOVED.get(name, name)
    top, *rest = name.split(".")
    if top == "bench":
        folder = ENGINE.folder.joinpath(*rest)
        if rest and rest[0] in SIBLINGS and not (ENGINE.folder / rest[0]).is_dir():
            folder = ENGINE.folder.parent.joinpath(*rest)
        return _in_folder(folder, name, ENGINE)
    if top == place.package:
        return _in_folder(place.folder.joinpath(*rest), name, place)
    for around in place.neighbours:
        loaded = getattr(sys.modules.get(top), "__file__", None)
        if loaded is None or Path(loaded).resolve().is_relative_to(around):
            found = _in_folder(around.joinpath(top, *rest), name, place)
            if found is not None:
                return found
    return None


def _in_folder(stem: Path, name: str, place: Place) -> Module | None:
    for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
        if path.is_file():
            return module_at(path, name, place)
    return None


def _methods(symbol: Symbol) -> Iterator[tuple[Symbol, bool]]:
    """Yield the methods of a class, and whether each may run although its name appears nowhere."""
    methods = symbol.module.methods(symbol.name)
    called = bool(methods) and _is_called_by_others(symbol)
    for name, nodes in methods.items():
        decorators = {(dotted(d) or "?").rpartition(".")[2] for node in nodes for d in _decorators(node)}
        active = called or (name.startswith("__") and name.endswith("__")) or bool(decorators - PASSIVE_DECORATORS)
        yield Symbol(symbol.module, f"{symbol.name}.{name}"), active


def _decorators(node: ast.stmt) -> Iterator[ast.expr]:
    for decorator in getattr(node, "decorator_list", ()):
        yield decorator.func if isinstance(decorator, ast.Call) else decorator


@lru_cache(maxsize=1024)
def _is_called_by_others(symbol: Symbol) -> bool:
    """Return whether a class has a base of another project, which may call any of its methods."""
    for node in symbol.module.definitions[symbol.name]:
        for base in node.bases if isinstance(node, ast.ClassDef) else ():
            written = dotted(base.value if isinstance(base, ast.Subscript) else base) or "?"
            found, _ = _resolve(symbol.module, tuple(written.split(".")))
            if _is_called_by_others(found) if found else written.rpartition(".")[2] not in PASSIVE_BASES:
                return True
    return False
