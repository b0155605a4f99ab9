"""Which samples a person clicked: a text that lists them, or a folder with copies of their pictures.

A text has one sample per line, by number or file name ("17", "000017.png"). A folder's pictures count by their pixels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from bench import errors
from bench.errors import UsageError
from bench.feedback.copies import copied_numbers


def clicked_numbers(clicked: Path, shown: Path, count: int, flag: str = "--clicked ") -> list[int]:
    """Return the numbers of the clicked samples in ascending order, each in 0..count-1 and once.

    Parameters
    ----------
    clicked : Path
        Text file or folder; see the top of this module.
    shown : Path
        The folder of the samples.
    count : int
        How many samples there are.
    flag : str
        For errors.

    Raises
    ------
    UsageError
        Naming the line or the picture that is not a sample.
    """
    return copied_numbers(clicked, shown, count, flag) if clicked.is_dir() else _listed(clicked, count, flag)


def clicked_of_both_kinds(clicked: Path, shown: Path, count: int, flag: str = "--clicked ") -> list[int]:
    """Return ``clicked_numbers``; raises UsageError if none or all are clicked."""
    found = clicked_numbers(clicked, shown, count, flag)
    if len(found) in (0, count):
        raise UsageError(
            f"{flag}{clicked}: {'all' if found else 'none'} of the {count} samples are clicked, but a direction needs "
            "some with the feature and some without. Click some, or draw more samples (bench sample --count N)"
        )
    return found


def _listed(clicked: Path, count: int, flag: str) -> list[int]:
    """Return the samples that a text lists."""
    found: dict[int, int] = {}
    for line, text in enumerate(_lines(clicked, flag), 1):
        name = PureWindowsPath(text.strip().strip("\"'")).name
        if not name:
            continue
        match = re.fullmatch(r"(\d{1,9})(\.png)?", name, re.IGNORECASE)
        where = f"{flag}{clicked}, line {line}"
        if match is None:
            raise UsageError(
                f"{where}: '{text.strip()[:80]}' is not a sample. Write one clicked sample per line, by its number "
                "or file name: 17 or 000017.png"
            )
        number = int(match[1])
        if number >= count:
            raise UsageError(f"{where}: no sample {number}; the samples are 0 to {count - 1}")
        if number in found:
            raise UsageError(f"{where}: sample {number} is listed twice (first in line {found[number]})")
        found[number] = line
    return sorted(found)


def lists_of(assignments: Sequence[str]) -> dict[str, Path]:
    """Read ``--also NAME=FILE``; raises UsageError for any other form, and for an attribute given twice."""
    found: dict[str, Path] = {}
    for text in assignments:
        name, _, path = text.partition("=")
        if not name or not path:
            raise UsageError(f"--also {errors.shown(text)}: expected NAME=FILE, for instance --also Male=male.txt")
        if name in found:
            raise UsageError(f"--also {errors.shown(name)}: given twice")
        found[name] = Path(path)
    return found


def _lines(clicked: Path, flag: str) -> list[str]:
    try:
        return clicked.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UsageError(f"{flag}{clicked}: no such file or folder") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{flag}{clicked}: not a readable text file ({error})") from error
