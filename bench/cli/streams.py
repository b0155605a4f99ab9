"""Handle closed standard streams, and ones whose encoding lacks a character that we print."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata

SIMPLER = {"↑": "^", "↓": "v", "±": "+-", "×": "x", "…": "...", "–": "-", "−": "-", "≥": ">=", "≤": "<=", "→": "->"}


def prepare() -> None:
    """Make closed streams like ``/dev/null``, and let text streams replace the characters that they cannot show."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file that is opened would get this number, and what is printed
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: PTH123, SIM115 (for the rest of the process)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: PTH123, SIM115
    codecs.register_error("simpler", _simpler)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="simpler")


def _simpler(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding lacks by something simpler: an arrow by ^ or v, a letter by its base, all else by ?."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = "".join(_plain(character) for character in error.object[error.start : error.end])
    return text, error.end


def _plain(character: str) -> str:
    if character in SIMPLER:
        return SIMPLER[character]
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"
