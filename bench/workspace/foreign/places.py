"""Find a state dict in a file: ``--at`` is followed through dicts, lists and tuples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.errors import CheckpointError, shown
from bench.workspace.foreign.release import State, state_dict

BESIDE = (str, int, float, bool, type(None))  # what scripts keep among the tensors: an epoch, a name
DEPTH, NAMED = 3, 8  # how deep places are looked for, and how many an error names
NOWHERE = object()


def state_at(content: Any, at: str, path: Path) -> State:
    """Return the state dict at a place of a file.

    Parameters
    ----------
    content : object
    at : str
        Keys or positions that lead to it, separated by "/": "ema", "nets/0"; "" for the file itself. An end in "." is a
        prefix of names, as in "state_dict/generator.": other names are left out.
    path : Path

    Raises
    ------
    CheckpointError
        Naming the file and the places in it.
    """
    found, place, start = _located(content, at, path)
    what = f"{path}: the content at '{place}'" if place else f"{path}: its content"
    try:
        return _tensors(found, start, what)
    except CheckpointError as error:
        raise CheckpointError(f"{error}.{_hint(found, place)}") from error


def _tensors(found: Any, start: str, what: str) -> State:
    """Return the tensors whose names start with ``start``, without it; numbers and texts among them are left out."""
    if not isinstance(found, Mapping):
        return state_dict(found, what)
    if not found:
        raise CheckpointError(f"{what} holds no tensors")
    chosen = {n: value for n, value in found.items() if isinstance(n, str) and n.startswith(start)} if start else found
    if not chosen:
        first = next(iter(found))
        raise CheckpointError(
            f"{what} has no names that start with '{shown(start)}' (--at); the first name is '{shown(str(first))}'"
        )
    weights = {name: value for name, value in chosen.items() if not isinstance(value, BESIDE)}
    return {name.removeprefix(start): tensor for name, tensor in state_dict(weights or chosen, what).items()}


def _located(content: Any, at: str, path: Path) -> tuple[Any, str, str]:
    """Return what lies at a place, the keys that led there, and the prefix of names; the longest keys count first."""
    parts = at.removesuffix("/").split("/")
    for end in range(len(parts), -1, -1):
        place, start = "/".join(parts[:end]), "/".join(parts[end:])
        if start and not start.endswith("."):
            break
        if (found := _follow(content, parts[:end] if place else [])) is not NOWHERE:
            return found, place, start
    raise CheckpointError(f"{path}: holds nothing at '{shown(at)}' (--at).{_near(content, parts)}")


def _follow(content: Any, parts: list[str]) -> Any:
    """Return what keys and positions lead to; a key may itself hold "/"."""
    if not parts:
        return content
    for end in range(len(parts), 0, -1):
        inner = _entry(content, "/".join(parts[:end]))
        found = NOWHERE if inner is NOWHERE else _follow(inner, parts[end:])
        if found is not NOWHERE:
            return found
    return NOWHERE


def _entry(content: Any, key: str) -> Any:
    """Return the entry of a dict, a list or a tuple by its name, number or position as text."""
    if isinstance(content, Mapping) and key in content:
        return content[key]
    return next((value for name, value in _entries(content) if str(name) == key), NOWHERE)


def _entries(content: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(content, Mapping):
        yield from content.items()
    elif isinstance(content, (list, tuple)):
        yield from enumerate(content)


def _near(content: Any, parts: list[str]) -> str:
    """Suggest what to type instead of a place that is not there."""
    inner = _follow(content, parts[:-1])
    starts = isinstance(inner, Mapping) and any(str(name).startswith(f"{parts[-1]}.") for name in inner)
    if starts:
        return f" But names there start with '{parts[-1]}.': try --at {'/'.join(parts)}."
    if isinstance(content, Mapping) and any(isinstance(value, Tensor) for value in content.values()):
        return " The file itself is a state dict: leave --at out, or give the start of names, such as generator."
    return _hint(content, "")


def _hint(content: Any, place: str) -> str:
    """Name the state dicts below a place, as --at takes them."""
    places = list(_places(content, place, DEPTH))
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    return f" Places to try with --at: {', '.join(places[:NAMED])}{more}" if places else ""


def _places(content: Any, place: str, depth: int) -> Iterator[str]:
    for name, value in _entries(content) if depth else ():
        inner = f"{place}/{name}" if place else str(name)
        if isinstance(value, Mapping) and any(isinstance(tensor, Tensor) for tensor in value.values()):
            yield inner
        yield from _places(value, inner, depth - 1)
