"""Answers that are remembered while thousands of cells are planned: what is on disk is looked at once, not per cell."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

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
    """Let a function of hashable arguments answer once in a ``remembering`` block."""

    @functools.wraps(function)
    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        if _answers is None:
            return function(*args, **kwargs)
        question = (function, args, tuple(sorted(kwargs.items())))
        if question not in _answers:
            _answers[question] = function(*args, **kwargs)
        answer: T = _answers[question]
        return answer

    return ask
