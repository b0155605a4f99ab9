"""Keys: a stage's key hashes what the stage reads, so that a stored result is reused only while it would be the same.

Only the meaning of code is hashed (``code_meaning.py``). From the engine, a key hashes every definition that can run:
the functions and classes that a stage starts with, and all that they refer to, directly or indirectly. A method of such
a class is hashed if its name appears anywhere in the hashed code. Modules that compute no number are left out
(``NUMBERLESS``). Plug-in code is hashed by whole modules: the plug-in's own, and every module that it imports, directly
or indirectly, except installed packages.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from types import ModuleType
from typing import Any, NamedTuple

from bench.core.code_imports import imported
from bench.core.code_meaning import dotted, meaning
from bench.core.code_modules import WHOLE, Module, module_at
from bench.core.code_places import ENGINE, all_modules, loaded_module, module_named, place_of
from bench.core.remembered import remembered

# They only report, find, store and lock. tests/core/test_key_coverage.py checks this list against what runs in a cell.
NUMBERLESS = frozenset(
    f"bench.{name}"
    for name in (
        "api.checks", "api.repeatable",
        "core.blocks", "core.code_hash", "core.code_imports", "core.code_meaning", "core.code_modules",
        "core.code_places", "core.code_watch", "core.collecting", "core.files", "core.foreign_code", "core.machine",
        "core.memory", "core.old_paths", "core.progress", "core.remembered", "core.resuming", "core.sealed",
        "core.sources", "core.together", "datasets._celeba.hints", "datasets._celeba.looking",
        "errors", "hookspecs", "registry", "toolkit.sharing",
        "workspace.store.locks", "workspace.weights.placing", "workspace.store.seals", "workspace.store.store",
    )
)  # fmt: skip
TRANSPARENT = {  # which process or device computes, not what is computed
    ("bench.toolkit.sharing", "shared"),
    ("bench.workspace.weights.placing", "on_device"),
}
# A method with any other decorator may run although its name appears nowhere: a validator, for instance.
PASSIVE_DECORATORS = frozenset(
    {"abstractmethod", "property", "cached_property", "staticmethod", "classmethod", "override", "no_grad"}
)
PASSIVE_BASES = frozenset({"ABC", "Generic", "Protocol", "NamedTuple"})  # they call no method by themselves
Root = type[Any] | Callable[..., Any] | ModuleType


class Symbol(NamedTuple):
    """A definition: ``f``, ``Class`` (without its methods) or ``Class.method``; "" for what a module's import runs.

    ``WHOLE`` stands for all that the module holds.
    """

    module: Module
    name: str


def digest(content: Any) -> str:
    """Hash JSON content to 64 hex digits."""
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


@lru_cache(maxsize=512)
def code_of(*roots: Root) -> str:
    """Hash all code that can run, starting from functions, classes or modules; 64 hex digits."""
    return digest(sorted(_text(symbol) for symbol in reached(*roots)))


@remembered
def meaning_of(*names: str) -> str:
    """Hash what definitions of the engine mean, but not what they refer to; each as "bench.core.files:sweep"."""
    found = []
    for name in names:
        file, _, definition = name.partition(":")
        module = module_named(file, ENGINE)
        assert module is not None, f"{name}: no such module"
        found.append(_own_meaning(Symbol(module, definition)))
    return digest(found)


def reached(*roots: Root) -> set[Symbol]:
    """Return every definition that can run, starting from functions, classes or modules."""
    found: set[Symbol] = set()
    written: set[str] = set()  # every attribute's name in the code that counts
    dormant: dict[str, list[Symbol]] = {}  # methods of reached classes whose name is not among them yet
    waiting = [symbol for root in roots for symbol in _symbols_of(root)]
    while waiting:
        symbol = waiting.pop()
        if symbol in found or symbol.module.name in NUMBERLESS or not symbol.module.nodes(symbol.name):
            continue
        found.add(symbol)
        if symbol.name == WHOLE:
            waiting += _imported(symbol.module)
        else:
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


def _symbols_of(root: Root) -> Iterator[Symbol]:
    """Yield the definition of a root; of a method, its class too; all of the module that holds another's code."""
    name, path = loaded_module(root)
    module = module_at(path, name, place_of(name, path))
    if module.place.whole or isinstance(root, ModuleType):
        yield Symbol(module, WHOLE)
        return
    yield Symbol(module, root.__qualname__)
    if "." in root.__qualname__:
        yield Symbol(module, root.__qualname__.partition(".")[0])


def others_modules(*roots: Root) -> set[Module]:
    """Return the modules of others' code that can run, starting from functions, classes or modules."""
    found: set[Module] = set()
    waiting = [symbol.module for root in roots for symbol in _symbols_of(root) if symbol.module.place.whole]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += [symbol.module for symbol in _imported(module)]
    return found


def _imported(module: Module) -> Iterator[Symbol]:
    """Yield all of the modules that another's module imports."""
    if module.place.whole:
        names, computed = imported(module)
        found = (module_named(name, module.place) for name in sorted(names))
        yield from (Symbol(each, WHOLE) for each in found if each is not None and each.place.whole)
        if computed:
            yield from (Symbol(each, WHOLE) for each in all_modules(module.place))


@lru_cache(maxsize=8192)
def _text(symbol: Symbol) -> str:
    """Return a definition's meaning; a reference in it counts by its name and its own meaning.

    A module counts with its name and its import lines, which may act.
    """
    if symbol.module.place.whole:
        return f"{symbol.module.name}: {meaning(symbol.module.body, imports=True)}"
    renamed = _foreign(symbol) | {
        written: f"{found.name}#{_own_meaning(found)}"
        for written, found in _references(symbol)
        if found.module.name not in NUMBERLESS
    }
    return f"{symbol.name.rpartition('.')[0]}: {_plain(symbol, renamed)}"


@lru_cache(maxsize=8192)
def _own_meaning(symbol: Symbol) -> str:
    return sha256(_plain(symbol).encode()).hexdigest()[:12]


def _plain(symbol: Symbol, renamed: Mapping[str, str] | None = None) -> str:
    found = {written for written, meant in _references(symbol) if (meant.module.name, meant.name) in TRANSPARENT}
    return meaning(symbol.module.nodes(symbol.name), renamed, transparent=found)


@lru_cache(maxsize=8192)
def _attributes(symbol: Symbol) -> frozenset[str]:
    """Return the names of attributes in a definition; of another's module, every text that could be such a name."""
    nodes = [inner for node in symbol.module.nodes(symbol.name) for inner in ast.walk(node)]
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and symbol.module.place.whole)
    named = {text for text in texts if isinstance(text, str) and text.isidentifier()}
    return frozenset(named | {node.attr for node in nodes if isinstance(node, ast.Attribute)})


def _foreign(symbol: Symbol) -> dict[str, str]:
    """Return the names in a definition that are imported from other projects, each with what it means there."""
    module, found = symbol.module, {}
    inner = [node for statement in module.nodes(symbol.name) for node in ast.walk(statement)]
    for name in {node.id for node in inner if isinstance(node, ast.Name)} & module.imports.keys():
        base, taken = module.imports[name]
        if base.partition(".")[0] not in ("bench", module.place.package):
            found[name] = base if taken is None else f"{base}.{taken}"
    return found


@lru_cache(maxsize=8192)
def _references(symbol: Symbol) -> tuple[tuple[str, Symbol], ...]:
    """Return the references in a definition to the engine or its own package: as written, and what each means."""
    found: dict[str, Symbol] = {}
    waiting: list[ast.AST] = list(symbol.module.nodes(symbol.name))
    while waiting:
        node = waiting.pop()
        parts = tuple((dotted(node) or "").split("."))
        meant, count = _resolve(symbol.module, parts)
        if meant is not None and not meant.module.place.whole:
            found[".".join(parts[:count])] = meant
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return tuple(found.items())


def _resolve(
    module: Module, parts: tuple[str, ...], seen: frozenset[Module] = frozenset()
) -> tuple[Symbol | None, int]:
    """Return the definition that a dotted name begins with in a module, and how many of its parts name it.

    A module that is used as a value, as in ``getattr(losses, name)``, is a definition too: all that it holds.
    """
    if parts[0] in module.definitions:
        return Symbol(module, parts[0]), 1
    if module in seen:
        return None, 0
    if parts[0] not in module.imports:
        for base in (base for base, taken in module.imports.values() if taken == "*"):
            if (outer := module_named(base, module.place)) is not None:
                found, count = _resolve(outer, parts, seen | {module})
                if found is not None:
                    return found, count
        return None, 0
    base, taken = module.imports[parts[0]]
    inner, count = module_named(base if taken is None else f"{base}.{taken}", module.place), 1
    if inner is None:
        outer = module_named(base, module.place)
        return (None, 0) if outer is None or taken is None else _resolve(outer, (taken, *parts[1:]), seen | {module})
    while count < len(parts) and (deeper := module_named(f"{inner.name}.{parts[count]}", inner.place)) is not None:
        inner, count = deeper, count + 1
    if count == len(parts):
        return Symbol(inner, WHOLE), count
    found, more = _resolve(inner, parts[count:], seen | {module})
    return found, count + more


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
