"""Look at photographs before anything is trained on them; nothing is decoded. Nothing here decides what is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from .files import PHOTOGRAPH, Place

END = b"\xff\xd9"  # the last two bytes of a JPEG file; in its coded data, 0 follows 0xff
TAIL = 4096  # bytes at the end of a file that are searched for it: some programs pad files, or append to them
NAMED = 8  # bad photographs that an error names
REPLACE = "Replace or delete {}: a part of the photographs will do."


def damaged(folder: Place, names: list[str], require_size: Callable[[int, int], None], remedy: str) -> str | None:
    """Return which photographs are truncated, not JPEG files, or of another size than expected; None if none is.

    Only the header, the end and, in an archive, the checksum are looked at.

    Parameters
    ----------
    folder : Path or zipfile.Path
    names : list of str
        The photographs.
    require_size : callable
        Raises ValueError for a width and a height that are not expected, px.
    remedy : str
        Last sentence if no photograph is sound.
    """
    bad = {name: reason for name in names if (reason := _wrong(folder / name, require_size)) is not None}
    if not bad:
        return None
    first, reason = next(iter(bad.items()))
    more = ", ..." if len(bad) > NAMED else ""
    count = f"{len(bad):,} of {len(names):,} photographs are bad: {', '.join([*bad][:NAMED])}{more}"
    if len(bad) == 1:
        count = f"It is the only bad one of {len(names):,} photographs"
    if len(bad) < len(names):
        remedy = REPLACE.format("this file" if len(bad) == 1 else "these files")
    return f"{folder / first}: damaged, or not the photograph expected: {reason}. {count}. {remedy}"


def _wrong(file: Place, require_size: Callable[[int, int], None]) -> str | None:
    """Return what is wrong with a photograph; None if nothing is, as far as can be seen."""
    from PIL import UnidentifiedImageError
    from PIL.Image import open as open_image

    try:
        with file.open("rb") if isinstance(file, Path) else BytesIO(file.read_bytes()) as content:
            with open_image(content, formats=["JPEG"]) as photograph:  # reads the header
                require_size(*photograph.size)
            content.seek(-min(TAIL, content.seek(0, os.SEEK_END)), os.SEEK_END)
            return None if END in content.read() else "truncated, its end is missing"
    except UnidentifiedImageError:
        return "not a JPEG image"
    except Exception as error:  # ValueError, OSError, BadZipFile, zlib.error: any parsing error
        return str(error)


def half_unpacked(folder: Place, photographs: int) -> str | None:
    """Return that the archive of a folder holds more photographs than the folder; None if it does not."""
    archive = folder.with_name(f"{folder.name}.zip") if isinstance(folder, Path) else None
    if archive is None or not archive.is_file():
        return None
    try:
        with ZipFile(archive) as opened:
            inside = sum(PHOTOGRAPH.fullmatch(name.rpartition("/")[2]) is not None for name in opened.namelist())
    except (OSError, BadZipFile, NotImplementedError, ValueError):  # the folder is read anyway
        return None
    if inside <= photographs:
        return None
    return (
        f"{archive}: holds {inside:,} photographs, but the folder {folder} next to it is read, which holds "
        f"{photographs:,}. Finish unpacking the archive, or delete the folder to read the archive"
    )
