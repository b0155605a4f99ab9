"""Read JSON, TOML and plain text that people and other programs write; an unusable file raises one ValueError.

A byte order mark and Windows' line ends are not part of a text, and UTF-16 with a byte order mark is read too
(PowerShell writes it). What Python would read without a word, or not at all, is refused: a key that is there twice, NaN
and infinite numbers (which JSON does not have), numbers of more than 4,300 digits, nesting of more than 100 levels.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

DIGITS = 4300  # Python neither reads nor prints a longer whole number ...
TOO_LARGE = 10**DIGITS  # ... although it reads one in base 16
DEEPEST = 100  # levels of nested tables and lists; code that walks through more can exhaust the stack
TOO_DEEP = f"is nested more than {DEEPEST} levels deep"
TOO_LONG = f"holds a number of more than {DIGITS:,} digits"
DOTTED = re.compile(rf"(?<![\w.-])(?:[\w-]+\s*\.\s*){{{DEEPEST}}}")  # tomllib's memory is quadratic in their number
NUMBER = re.compile(rf"(?<=[\s=\[,])[+-]?\d\w{{{2 * DIGITS}}}")  # tomllib's memory is a hundred times their length
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_text(path: Path) -> str:
    """Read a text file; raises OSError, and ValueError if it is not one: a pipe, a folder, other bytes."""
    if path.exists() and not path.is_file():
        raise ValueError("is a folder" if path.is_dir() else "is not a regular file")
    return text_of(path.read_bytes())


def read_json(path: Path) -> Any:
    """Read a JSON file; raises OSError and ValueError as ``read_text`` does, and ValueError as ``parse_json`` does."""
    return parse_json(read_text(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises OSError and ValueError as ``read_text`` does, and ValueError as ``parse_toml`` does."""
    return parse_toml(read_text(path))


def text_of(data: bytes) -> str:
    """Decode a text; raises ValueError if it is not UTF-8, or UTF-16 with a byte order mark."""
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not a text in UTF-8 (byte {error.start} is {data[error.start]:#04x})") from error


def parse_json(text: str) -> Any:
    """Parse JSON; raises ValueError for what is not JSON, and for what is refused: see the top of this module."""
    return _parsed(text, _json)


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML; raises ValueError for what is not TOML, and for what is refused: see the top of this module."""
    if DOTTED.search(text):
        raise ValueError(TOO_DEEP)
    if NUMBER.search(text):
        raise ValueError(TOO_LONG)
    content: dict[str, Any] = _parsed(text, tomllib.loads)
    return content


def _parsed(text: str, parse: Callable[[str], Any]) -> Any:
    try:
        content = parse(text)
        _require_plain([content])
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except ValueError as error:
        raise ValueError(TOO_LONG) if "integer string conversion" in str(error) else error from None
    return content


def _require_plain(value: Any, level: int = 0) -> None:
    """Raise ValueError for nesting that is too deep, and for numbers of too many digits."""
    if level > DEEPEST:
        raise ValueError(TOO_DEEP)
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            _require_plain(inner, level + 1)
        elif isinstance(inner, int) and abs(inner) >= TOO_LARGE:
            raise ValueError(TOO_LONG)


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"holds the key {json.dumps(twice)} twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"holds {text[:20]}, which is too large a number")
    return number


def _constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which is not a JSON value")
