"""Check the names that a person gives to a feature, alike for ``bench feedback`` and ``bench run``."""

from __future__ import annotations

import re

from bench.errors import UsageError, shown

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"  # part of a folder's name


def require_name(name: str, flag: str) -> None:
    """Raise UsageError unless a clicked feature or attribute can have a name."""
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"{flag} {shown(name)}: may contain only letters, digits, '_', '.' and '-', at most 100, and begins with a "
            "letter, a digit or '_'"
        )


def require_feature_name(name: str, flag: str = "--feature") -> None:
    """Raise UsageError unless a clicked feature can have a name; ``all`` is reserved for every feature."""
    require_name(name, flag)
    if name == "all":
        raise UsageError(f"{flag} all: stands for all features of a data set. Give what was clicked another name")
