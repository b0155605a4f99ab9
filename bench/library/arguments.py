"""Arguments that several functions take, each checked once; errors name the argument."""

from __future__ import annotations

from operator import index
from typing import Any

from bench.core import limits
from bench.errors import UsageError, shown


def whole(value: Any, least: int, what: str, most: int = 10**limits.SEED_DIGITS) -> int:
    """Return a whole number from ``least`` to ``most``; raises UsageError, naming the argument."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if number > most:
        raise UsageError(f"{what}: is too large; a whole number is expected, at most {most:,}")
    if number < least or isinstance(value, bool):
        raise UsageError(f"{what}: is {shown(repr(value))}; a whole number is expected, at least {least}")
    return number
