"""How a number of things is written."""

from __future__ import annotations


def number_of(count: int, thing: str) -> str:
    """Write how many there are: "1 cell", "2 cells"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
