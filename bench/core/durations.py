"""How a time is written, and a number of things."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it: "40 s", "12 min", "7.5 h", "3.2 days"."""
    for unit, length in (("days", 86400), ("h", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def number_of(count: int, thing: str) -> str:
    """Write how many there are: "1 cell", "2 cells"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
