"""CelebA's tables: attributes, and splits.

As its authors publish them, a table of attributes is a line with the count, one with the names of 40 attributes, then a
line per image: its file name, and 1 or -1 for each; a table of splits has no header. As Kaggle has them, both are CSV
with a header, whose first column is the file name; a spreadsheet may have put values in quotes. Tables are UTF-8, with
or without a byte order mark; lines end in LF or CRLF.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from bench.api import DataError, WrongData

from . import hints
from .files import PHOTOGRAPH, START, Place, require_no_page


def read_attributes(file: Place, needed: list[str], remedy: str) -> pd.DataFrame:
    """Read a table of attributes.

    Parameters
    ----------
    file : Path or zipfile.Path
    needed : list of str
        Attributes that must be there.
    remedy : str
        Last sentence of every error.

    Returns
    -------
    DataFrame of bool
        A row per image, by file name, in the order of the numbers.

    Raises
    ------
    DataError
        Naming the file, and the line if there is one.
    """
    count, columns, header = _header(file, remedy)
    if len(set(columns)) < len(columns) or not set(needed) <= set(columns):
        start = "the names" if is_csv(file) else "a count and the names"
        raise WrongData(f"{file}: does not start with {start} of CelebA's attributes. {remedy}")
    values: dict[str, bytes] = {}
    for line, (name, *row) in rows(file, 1 + len(columns), remedy, skip=header):
        if not PHOTOGRAPH.fullmatch(name) or name in values:
            wrong = f"{name[:60]!r} appears twice, or is not a name like 000001.jpg"
            raise WrongData(f"{file}: line {line}: {wrong}. {remedy}")
        if not {"1", "-1"}.issuperset(row):
            raise WrongData(f"{file}: line {line}: has values other than 1 and -1. {remedy}")
        values[name] = bytes([value == "1" for value in row])
    if count not in ("", str(len(values))):
        raise WrongData(f"{file}: has {len(values)} rows, but its first line says {count[:60]}. {remedy}")
    ordered = sorted(values, key=lambda name: int(name.removesuffix(".jpg")))
    table = np.frombuffer(b"".join(values[name] for name in ordered), dtype=bool).reshape(len(ordered), len(columns))
    return pd.DataFrame(table, index=ordered, columns=columns)


def read_parts(file: Place, parts: tuple[str, ...], remedy: str) -> dict[str, str]:
    """Read a table of splits, in which each is a number from 0 on: the split of each image, by file name."""
    found = {}
    for line, (name, code) in rows(file, 2, remedy, skip=1 if is_csv(file) else 0):
        if code not in map(str, range(len(parts))):
            raise WrongData(f"{file}: line {line}: {code[:60]!r} is not a split (0, 1 or 2). {remedy}")
        found[name] = parts[int(code)]
    return found


def require_no_page_if_there(file: Place, remedy: str) -> None:
    """Raise WrongData if a table that is not read now is a web page; it need not be there."""
    if file.is_file():
        with file.open("rb") as start:
            require_no_page(start.read(START), file, remedy)


def is_csv(file: Place) -> bool:
    """Say whether columns are separated by commas, below a header."""
    return file.name.endswith(".csv")


def _header(file: Place, remedy: str) -> tuple[str, list[str], int]:
    """Return the count that a table claims, if any, the names of its attributes, and the lines that both take."""
    lines = _lines(file, remedy)
    if is_csv(file):
        _, *columns = [word.strip() for word in next(csv.reader(lines), [""])]
        return "", columns, 1
    if len(lines) < 2 or not re.fullmatch(r"\d+", lines[0].strip()):
        return "", [], 0
    return lines[0].strip(), lines[1].split(), 2


def rows(file: Place, columns: int, remedy: str, skip: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the words of each line after ``skip``; raises DataError if they are not ``columns``."""
    lines = _lines(file, remedy)[skip:]
    for number, words in enumerate(csv.reader(lines) if is_csv(file) else map(str.split, lines), skip + 1):
        if len(words) != columns:
            raise WrongData(f"{file}: line {number} has {len(words)} columns, expected {columns}. {remedy}")
        yield number, words


def content(file: Place, remedy: str) -> bytes:
    """Read a table's bytes, without a byte order mark and with LF at the end of lines."""
    return "\n".join(_lines(file, remedy)).encode()


def _lines(file: Place, remedy: str) -> list[str]:
    if file.is_dir():
        raise WrongData(f"{file}: is a folder; expected a file. {remedy}")
    if not file.is_file():
        raise DataError(f"{file}: no such file. {hints.misplaced(file) or remedy}")
    try:
        read = file.read_bytes()
        require_no_page(read[:START], file, remedy)
        return read.decode("utf-8-sig").rstrip().splitlines()
    except DataError:
        raise
    except Exception as error:  # UnicodeDecodeError, OSError, BadZipFile: any parsing error
        raise WrongData(f"{file}: not readable as text ({error}). {remedy}") from error
