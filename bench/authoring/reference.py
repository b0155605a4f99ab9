"""Describe a class, a function or a module of ``bench.api`` and ``bench.toolkit`` for ``bench show``.

Python's ``help`` would add every member of torch's and pydantic's base classes.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from textwrap import indent
from types import FunctionType, ModuleType
from typing import Any

from bench import api, toolkit
from bench.api import Params
from bench.authoring.fields import lines_of


def reference_of(name: str) -> str | None:
    """Describe a public name, or one of the modules (``bench.toolkit.latent``); None for any other name."""
    if name in ("bench.api", *_toolkit()):
        module = import_module(name)
        own = [] if name == "bench.api" else [value for value in vars(module).values() if _is_of(value, module)]
        return "\n\n".join([f"{name}\n\n{inspect.getdoc(module)}", *map(_described, own)])
    found = next((value for known, value in _offered() if known == name.rpartition(".")[2]), None)
    return None if found is None else _described(found)


def _toolkit() -> list[str]:
    return [f"bench.toolkit.{each.name}" for each in pkgutil.iter_modules(toolkit.__path__)]


def _offered() -> Iterator[tuple[str, Any]]:
    for name, value in vars(api).items():
        if not name.startswith("_") and isinstance(value, type | FunctionType):
            yield name, value
    for path in _toolkit():
        module = import_module(path)
        yield from ((name, value) for name, value in vars(module).items() if _is_of(value, module))


def _is_of(value: object, module: ModuleType) -> bool:
    """Say whether a public class or function is defined in a module."""
    ours = isinstance(value, type | FunctionType) and not value.__name__.startswith("_")
    return ours and getattr(value, "__module__", "") == module.__name__


def _described(value: Any) -> str:
    if isinstance(value, FunctionType):
        return _function(value.__name__, value, "")
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    lines = [f"class {value.__name__}({bases})   [{value.__module__}]"]
    lines.append(indent(inspect.getdoc(value) or "", "    "))
    if issubclass(value, Params) and value.model_fields:
        lines.append("\n".join(["    fields:", *(f"  {line}" for line in lines_of(value))]))
    lines += [indent(each, "    ") for each in _members(value)]
    return "\n\n".join(filter(None, lines))


def _members(cls: type) -> Iterator[str]:
    """Yield the public members of a class from this project's classes, abstract ones first."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        if base.__module__.startswith("bench."):
            for name, value in vars(base).items():
                if not name.startswith("_"):
                    found.setdefault(name, value)
    abstract: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
    for name, value in sorted(found.items(), key=lambda item: item[0] not in abstract):
        inner = getattr(value, "__func__", value)  # of a class method or a static one
        note = "to be written" if name in abstract else type(value).__name__ if inner is not value else ""
        if isinstance(value, property):
            yield f"{name}   (property)\n{indent(inspect.getdoc(value) or '', '    ')}".rstrip()
        elif isinstance(inner, FunctionType):
            yield _function(name, inner, note)


def _function(name: str, value: FunctionType, note: str) -> str:
    head = f"{name}{inspect.signature(value)}".replace("'", "")
    return f"{head}{f'   ({note})' if note else ''}\n{indent(inspect.getdoc(value) or '', '    ')}".rstrip()
