"""CelebA's files: a folder, or a zip of it that is read in place."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import Path as ZipPath
from zipfile import ZipFile

from bench.api import DataError, WrongData

from . import hints

Place = Path | ZipPath
PHOTOGRAPH = re.compile(r"\d{1,9}\.jpg")
PAGE = re.compile(rb"<(!doctype\s+html|html)\b", re.IGNORECASE)
START = 4096  # bytes of a file in which a web page says that it is one


def open_folder(folder: Path, remedy: str) -> Place:
    """Return a folder, or that folder in the zip archive of its name; raises DataError if neither exists.

    An archive of the folder's content, without the folder itself, is taken too.
    """
    if folder.is_dir():
        return folder
    file = folder.with_name(f"{folder.name}.zip")
    if not file.is_file():
        raise DataError(f"{folder}: no such folder, and no {file.name} next to it. {hints.misplaced(folder) or remedy}")
    archive = _opened(file, remedy)
    for name in archive.namelist():
        first, *others = re.split(r"[/\\]", name)
        if first == "" or ":" in first or ".." in (first, *others):
            raise WrongData(f"{file}: refused, '{name}' in it leads out of the archive. {remedy}")
    inside = ZipPath(archive, f"{folder.name}/")
    return inside if inside.exists() else ZipPath(archive)


def _opened(file: Path, remedy: str) -> ZipFile:
    try:
        with file.open("rb") as start:
            require_no_page(start.read(START), file, remedy)
        return ZipFile(file)
    except DataError:
        raise
    except Exception as error:  # BadZipFile, OSError, NotImplementedError: any parsing error
        raise WrongData(f"{file}: truncated, or not a zip archive ({error}). {remedy}") from error


def require_no_page(start: bytes, file: Place, remedy: str) -> None:
    """Raise WrongData if a file is a web page, which a browser or a script has saved under the file's name.

    Comments, blank lines and a byte order mark may come first; zeros are left out, for UTF-16.
    """
    if not start.startswith(b"PK") and PAGE.search(start.replace(b"\0", b"")):
        raise WrongData(
            f"{file}: is a web page, not the file itself. Google Drive answers with one after too many downloads: "
            f"open the page in a browser, and try again a day later. {remedy}"
        )


def folder_of_photographs(folder: Place, remedy: str) -> Place:
    """Return the one folder with photographs: this one, or one inside it, since archives may repeat their name.

    Raises
    ------
    DataError
        If no folder holds photographs, or several do.
    """
    found = sorted(set(_parents(folder)))
    if not found:
        raise DataError(
            f"{folder}: holds no photographs such as 000001.jpg. {hints.without_photographs(folder) or remedy}"
        )
    if len(found) > 1:
        several = ", ".join(name or "the folder itself" for name in found[:3])
        raise WrongData(f"{folder}: several folders in it hold photographs ({several}). Keep one. {remedy}")
    return folder / found[0] if found[0] else folder


def _parents(folder: Place) -> Iterator[str]:
    """Yield the folder of each photograph, seen from here; "" for this one."""
    if isinstance(folder, ZipPath):
        for name in folder.root.namelist():
            parent, _, last = name.rpartition("/")
            if name.startswith(folder.at) and PHOTOGRAPH.fullmatch(last):
                yield parent[len(folder.at) :] + ("/" if len(parent) > len(folder.at) else "")
        return
    for path, _, names in os.walk(folder):
        if any(PHOTOGRAPH.fullmatch(name) for name in names):
            yield os.path.relpath(path, folder).removeprefix(".")


def sizes(folder: Place) -> dict[str, int]:
    """Return the photographs of a folder, sorted by name: the size of each in bytes."""
    return {name: size for name, size in sorted(_sizes(folder)) if PHOTOGRAPH.fullmatch(name)}


def _sizes(folder: Place) -> Iterator[tuple[str, int]]:
    if isinstance(folder, ZipPath):
        for info in folder.root.infolist():
            if info.filename.startswith(folder.at):
                yield info.filename[len(folder.at) :], info.file_size
    elif folder.is_dir():
        with os.scandir(folder) as entries:
            yield from ((entry.name, entry.stat().st_size) for entry in entries)
