"""Convert text to a value by a field's type, and back. Text that does not fit stays text, which the field rejects."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from bench.core.reading import parse_toml

NONE = ("none", "null")
TRUTH = {"true": True, "false": False}
HALVES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
DEEPEST = 8  # levels of nested tables and lists


def parse(annotation: Any, text: str) -> Any:
    """Convert text to a value, as a field of a type reads it.

    Parameters
    ----------
    annotation : type
        A type that pydantic knows: ``int``, ``tuple[str, ...] | None``, ``Literal["a", 3]``, ``Any``.
    text : str

    Returns
    -------
    Any
        A value of the type, not yet validated; the text itself if it does not fit.
    """
    kinds = _kinds(annotation)
    if NoneType in kinds and text in NONE:
        return None
    lists = [kind for kind in kinds if _is_list(kind)]
    others = [kind for kind in kinds if kind is not NoneType and kind not in lists]
    if lists and (not others or not text or "," in text or text.startswith("[")):
        return _read_list(lists[0], text)
    return _read_one(others[0], text) if len(others) == 1 else _read_toml(text)


def to_text(value: Any) -> str:
    """Write a value as the text from which a field of its type reads it."""
    if value is None:
        return NONE[0]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        return _write_toml(value)
    if isinstance(value, (list, tuple)):
        return _write_toml(value) if any(map(_needs_toml, value)) else ",".join(map(to_text, value))
    return str(value)


def _needs_toml(element: Any) -> bool:
    """Return whether an element of a list cannot stand between commas."""
    if isinstance(element, str):
        return not element or "," in element or element.startswith("[") or element.strip() != element
    return isinstance(element, (list, tuple, Mapping))


def is_list(annotation: Any) -> bool:
    """Return whether commas make a list in a field of a type."""
    return any(map(_is_list, _kinds(annotation)))


def is_single(annotation: Any) -> bool:
    """Return whether a field of a type takes no commas: a number, a choice, yes or no."""
    return all(kind in (int, float, bool, NoneType) or get_origin(kind) is Literal for kind in _kinds(annotation))


def choices(annotation: Any) -> list[str]:
    """Return the choices of a field of a type as texts; none if it takes any value."""
    return [to_text(each) for kind in _kinds(annotation) if get_origin(kind) is Literal for each in get_args(kind)]


def type_at(annotation: Any, key: str) -> Any:
    """Return the type of a key's value in a table of a type; None if it has no keys.

    The type of a model's unknown key is ``Any``: validating the model gives the better error.
    """
    for kind in _kinds(annotation):
        if kind is Any:
            return Any
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind.model_fields[key].annotation if key in kind.model_fields else Any
        if _is_mapping(kind):
            return (*get_args(kind), Any, Any)[1]
    return None


def _kinds(annotation: Any) -> list[Any]:
    """Return the types that a field takes, NoneType included."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in _kinds(part)]
    return [annotation]


def _is(kind: Any, base: type) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, base)


def _is_mapping(kind: Any) -> bool:
    return _is(kind, Mapping)


def _is_list(kind: Any) -> bool:
    return _is(kind, Collection) and not any(_is(kind, other) for other in (Mapping, str, bytes))


def _read_list(kind: Any, text: str) -> Any:
    make = tuple if _is(kind, tuple) else list
    if not text:
        return make(())
    of = [each for each in get_args(kind) if each is not Ellipsis] or [Any]
    if text.startswith("[") and text.endswith("]"):
        found = _read_toml(text)
        if isinstance(found, list) and (str not in of or all(isinstance(each, str) for each in found)):
            return make(found)
        text = text[1:-1]  # [Male,Young], or names such as 7
    if any(_is_list(inner) or _is_mapping(inner) for inner in _kinds(of[0])):
        return text
    parts = [part.strip() for part in text.split(",")]
    return make(parse(of[min(place, len(of) - 1)], part) for place, part in enumerate(parts))


def _read_one(kind: Any, text: str) -> Any:
    if get_origin(kind) is Literal:
        return next((choice for choice in get_args(kind) if to_text(choice) == text), text)
    if kind is bool:
        return TRUTH.get(text.lower(), text)
    if kind in (int, float):
        return _read_number(kind, text)
    table = kind is Any or _is_mapping(kind) or _is(kind, BaseModel) or is_dataclass(kind)
    return _read_toml(text) if table else text


def _read_number(kind: type[int] | type[float], text: str) -> Any:
    for number in (int, float) if kind is int else (float,):
        try:
            return number(text)
        except ValueError:  # also for an int of more than 4,300 digits
            continue
    return text


def _read_toml(text: str) -> Any:
    """Read a finite TOML value that JSON can hold too; any other text stays text."""
    try:
        content = parse_toml(f"value = {_without_halves(text)}")
        json.dumps(content, allow_nan=False)
    except (ValueError, TypeError):
        return text
    return content["value"] if content.keys() == {"value"} and _depth(content) <= DEEPEST else text


def _without_halves(text: str) -> str:
    """Return a text as TOML takes it: JSON, as which keys are written, has DEL and escapes of half a character."""
    whole = HALVES.sub(lambda found: json.loads(f'"{found[0]}"'), text)
    return whole.replace("\x7f", r"\u007f")


def _write_toml(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(str(key))} = {_write_toml(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_write_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, (dict, list)) else 0
