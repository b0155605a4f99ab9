"""What ``bench clean`` prints."""

from __future__ import annotations

from pathlib import Path

from bench.experiments.planning.cleaning import Cleaning


def lines(cleaning: Cleaning) -> list[str]:
    """Return a line for each thing that can be removed, then for each that stays."""
    found = [f"{each.kind:10} {each.path}  ({_first_line(each.why)})" for each in cleaning.found]
    return found + [f"{'kept':10} {path}  ({_first_line(why)})" for path, why in cleaning.kept]


def outcome(cleaning: Cleaning, done: tuple[int, list[Path]] | None) -> str:
    """Return how many bytes were freed, or would be, as text."""
    count = len(cleaning.found)
    if count == 0:
        return "nothing to remove"
    if done is None:
        return f"{count} to remove, {size(cleaning.bytes)}. Nothing was removed; to remove it, add --yes"
    freed, locked = done
    stayed = f"; {len(locked)} stayed, since a process works there" if locked else ""
    return f"{count - len(locked)} removed, {size(freed)} freed{stayed}"


def size(count: int) -> str:
    """Write a number of bytes in the unit that suits it: "512 bytes", "3.1 MB"."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} bytes"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
