"""Configurations other than the default one: quick to run, or with one field changed."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import ValidationError

from bench.api import Params

STEPS = 3
MANY = 16  # whole numbers above it are lowered to it
OTHER = "other"  # an attribute that can be clicked in the toy world


def quick(config: type[Params]) -> Params:
    """Return the default configuration with as little work as its fields allow."""
    found = config()
    for name in config.model_fields:
        value = getattr(found, name)
        most = STEPS if name.endswith(("epochs", "steps")) else MANY  # surrogate_steps, adapt_epochs
        if name in ("epochs", "batch_size") or (type(value) is int and value > most):
            found = changed(found, name, most) or found
    return found


def variants(start: Params) -> Iterator[tuple[str, Params]]:
    """Yield every other choice that the fields offer, one field at a time, as ``-p`` takes it.

    Every alternative of a Literal and a bool; another number within its bounds; for a list of names an attribute that
    can be clicked. Free text and what a validator of the Config refuses are left out.
    """
    found: list[tuple[str, list[Any], Params]] = []
    refused: list[tuple[str, list[Any]]] = []
    for name, field in type(start).model_fields.items():
        for values in _others(field.annotation, getattr(start, name)):
            if (new := _first(start, name, values)) is None:
                refused.append((name, values))
            else:
                found.append((name, values, new))
    for name, _, new in found:
        yield f"-p {name}={_typed(getattr(new, name))}", new
    for name, values in refused:  # it may need another field: keep_rule says nothing without keep
        for other, _, base in found:
            if other != name and (new := _first(base, name, values)) is not None:
                yield f"-p {name}={_typed(getattr(new, name))} -p {other}={_typed(getattr(new, other))}", new
                break


def _first(start: Params, name: str, values: Iterable[Any]) -> Params | None:
    """Return the configuration with the first of these values that the Config accepts."""
    return next((new for value in values if (new := changed(start, name, value)) is not None), None)


def choices(start: Params) -> Iterator[tuple[str, Params]]:
    """Yield every other choice of the fields that offer a few: alternatives of a Literal, a bool, and None."""
    for setting, found in variants(start):
        name = setting.removeprefix("-p ").partition("=")[0]
        if _offers_few(type(start).model_fields[name].annotation):
            yield setting, found


def _offers_few(annotation: Any) -> bool:
    parts = (annotation, *_parts(annotation))
    return any(part is bool or typing.get_origin(part) is Literal for part in parts)


def _parts(annotation: Any) -> tuple[Any, ...]:
    return typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, types.UnionType) else ()


def changed(config: Params, name: str, value: Any) -> Params | None:
    """Return a configuration with one field changed; None if that is refused, or the same configuration."""
    try:
        found = type(config).model_validate({**config.model_dump(), name: value})
    except ValidationError:
        return None
    return None if found == config else found


def _others(annotation: Any, value: Any) -> Iterator[list[Any]]:
    """Yield lists of values for a field; the first one of a list that is allowed will do."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        yield from ([other] for other in inner)
    elif origin in (typing.Union, types.UnionType):
        for each in inner:
            yield from _others(each, value)
    elif annotation is bool:
        yield [not value]
    elif annotation is int:
        yield [value - 1, value + 1] if type(value) is int else [2, 1, 8]
    elif annotation is float:
        yield [value / 2, value * 2, value + 0.1, value - 0.1] if isinstance(value, (int, float)) else [0.5, 1.0]
    elif origin is tuple and inner == (str, ...):
        yield [(OTHER,)]
    elif origin is tuple and inner == (int, ...) and not value:
        yield [(1,)]


def _typed(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ",".join(map(_typed, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
