"""Refuse zip archives with too many members before Python opens them: it makes an object for each member."""

from __future__ import annotations

import struct
from pathlib import Path

MEMBERS = 150_000
DIRECTORY = 32_000_000  # bytes of the list of members
END, END_LENGTH = b"PK\x05\x06", 22  # of the list; what follows is a comment of at most 65,535 bytes
LONG_END, LOCATOR_LENGTH = b"PK\x06\x06", 20
MEMBER = b"PK\x01\x02"


def require_few_members(path: Path) -> None:
    """Raise ValueError for an archive whose list of members would fill the memory.

    A file that is not an archive passes: opening it raises the error.
    """
    with path.open("rb") as file:
        length = file.seek(0, 2)
        first = max(0, length - END_LENGTH - 0xFFFF - LOCATOR_LENGTH)
        file.seek(first)
        tail = file.read()
        if (at := tail.rfind(END)) < 0 or len(tail) - at < END_LENGTH:
            return
        size = struct.unpack("<I", tail[at + 12 : at + 16])[0]
        end = first + at
        if size == 0xFFFFFFFF and at >= LOCATOR_LENGTH:  # zip64: the sizes are in a separate record
            file.seek(struct.unpack("<Q", tail[at - 12 : at - 4])[0])
            if (record := file.read(56))[:4] == LONG_END and len(record) == 56:
                size, end = struct.unpack("<Q", record[40:48])[0], file.tell() - 56
        if size > DIRECTORY:
            raise ValueError(f"its list of members has {size:,} bytes; at most {DIRECTORY:,} are read")
        file.seek(max(0, end - size))
        if (count := file.read(size).count(MEMBER)) > MEMBERS:
            raise ValueError(f"it has {count:,} members; at most {MEMBERS:,} are read")
