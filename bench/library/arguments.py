"""Arguments that several functions take, each checked once; errors name the argument."""

from __future__ import annotations

from operator import index
from typing import Any

from bench.errors import UsageError


def whole(value: Any, least: int, what: str) -> int:
    """Return a whole number of at least ``least``; raises UsageError, naming the argument."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise UsageError(f"{what}: is {value!r}; a whole number is expected, at least {least}")
    return number
