"""Remember answers while thousands of cells are planned, so that files are read once, not once per cell."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
PLAIN = frozenset({str, bytes, int, float, bool, type(None), frozenset, type(Path())})

_answers: dict[Any, Any] | None = None  # None: nothing is remembered


@contextmanager
def remembering() -> Iterator[None]:
    """Remember the answers of ``remembered`` functions in this block."""
    global _answers
    before = _answers
    _answers = {} if before is None else before
    try:
        yield
    finally:
        _answers = before


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function answer once in a ``remembering`` block.

    Arguments that are plain values, and tuples of them, are compared; of others only the same object is the same.
    """

    @functools.wraps(function)
    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        if _answers is None:
            return function(*args, **kwargs)
        question = (function, _hashable(args), _hashable(tuple(sorted(kwargs.items()))) if kwargs else ())
        if question not in _answers:
            _answers[question] = function(*args, **kwargs)
        answer: T = _answers[question]
        return answer

    return ask


class _Itself:
    """An object, equal to itself alone. It is kept, so that no other takes its place in memory."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.value is self.value


def _hashable(value: Any) -> Any:
    if type(value) in PLAIN:
        return value
    if isinstance(value, tuple):
        return tuple([each if type(each) in PLAIN else _hashable(each) for each in value])
    return _Itself(value)
