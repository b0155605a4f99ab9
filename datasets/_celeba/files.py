"""CelebA's files: a folder or a zip of it, and its tables.

A table of attributes is a line with the count, one with the names of 40 attributes, then a line per image: its file
name, and 1 or -1 for each. Tables are UTF-8, with or without a byte order mark.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import Path as ZipPath
from zipfile import ZipFile

import pandas as pd

from bench.api import DataError, WrongData

Place = Path | ZipPath


def open_folder(folder: Path, remedy: str) -> Place:
    """Return a folder, or that folder in the zip archive of its name; raises DataError if neither exists."""
    if folder.is_dir():
        return folder
    file = folder.with_name(f"{folder.name}.zip")
    if not file.is_file():
        raise DataError(f"{folder}: no such folder, and no {file.name} next to it. {remedy}")
    try:
        archive = ZipFile(file)
    except Exception as error:  # BadZipFile, OSError, NotImplementedError: any parsing error
        raise WrongData(f"{file}: truncated, or not a zip archive ({error}). {remedy}") from error
    for name in archive.namelist():
        first, *others = re.split(r"[/\\]", name)
        if first == "" or ":" in first or ".." in (first, *others):
            raise WrongData(f"{file}: refused, '{name}' in it leads out of the archive. {remedy}")
    return ZipPath(archive, f"{folder.name}/")


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
    lines = _lines(file, remedy)
    count, columns = (lines[0].strip(), lines[1].split()) if len(lines) > 1 else ("", [])
    if not count.isdecimal() or len(set(columns)) < len(columns) or not set(needed) <= set(columns):
        raise WrongData(f"{file}: does not start with a count and the names of CelebA's attributes. {remedy}")
    values: dict[str, list[bool]] = {}
    for line, (name, *row) in rows(file, 1 + len(columns), remedy, skip=2):
        if not re.fullmatch(r"\d{1,9}\.jpg", name) or name in values:
            raise WrongData(f"{file}: line {line}: {name!r} appears twice, or is not a name like 000001.jpg. {remedy}")
        if not {"1", "-1"}.issuperset(row):
            raise WrongData(f"{file}: line {line}: has values other than 1 and -1. {remedy}")
        values[name] = [value == "1" for value in row]
    if str(len(values)) != count:
        raise WrongData(f"{file}: has {len(values)} rows, but its first line says {count}. {remedy}")
    ordered = sorted(values, key=lambda name: int(name.removesuffix(".jpg")))
    return pd.DataFrame([values[name] for name in ordered], index=ordered, columns=columns, dtype=bool)


def rows(file: Place, columns: int, remedy: str, skip: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the words of each line after ``skip``; raises DataError if they are not ``columns``."""
    for number, line in enumerate(_lines(file, remedy)[skip:], skip + 1):
        words = line.split()
        if len(words) != columns:
            raise WrongData(f"{file}: line {number} has {len(words)} columns, expected {columns}. {remedy}")
        yield number, words


def sizes(folder: Place, remedy: str) -> str:
    """List the files of a folder: the name and the size in bytes of each, sorted; raises DataError if it has none."""
    listed = sorted((name, size) for name, size in _sizes(folder) if re.fullmatch(r"\d{1,9}\.jpg", name))
    if not listed:
        raise DataError(f"{folder}: holds no photographs. {remedy}")
    return "\n".join(f"{name} {size}" for name, size in listed)


def _sizes(folder: Place) -> Iterator[tuple[str, int]]:
    if isinstance(folder, ZipPath):
        for info in folder.root.infolist():
            if info.filename.startswith(folder.at):
                yield info.filename[len(folder.at) :], info.file_size
    elif folder.is_dir():
        with os.scandir(folder) as entries:
            yield from ((entry.name, entry.stat().st_size) for entry in entries)


def content(file: Place, remedy: str) -> bytes:
    """Read a table's bytes, without a byte order mark."""
    return "\n".join(_lines(file, remedy)).encode()


def _lines(file: Place, remedy: str) -> list[str]:
    if file.is_dir():
        raise WrongData(f"{file}: is a folder; expected a file. {remedy}")
    if not file.is_file():
        raise DataError(f"{file}: no such file. {remedy}")
    try:
        return file.read_bytes().decode("utf-8-sig").rstrip().splitlines()
    except Exception as error:  # UnicodeDecodeError, OSError, BadZipFile: any parsing error
        raise WrongData(f"{file}: not readable as text ({error}). {remedy}") from error
