"""Atomic writes: a reader sees the old file or the new one, never half of one.

A killed process leaves its temporary file behind. ``sweep`` removes those that no process is writing any more: a writer
holds a lock on its file, which the system releases when the process ends.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import IO

from bench.errors import as_machine_error

HOST = sha256(platform.node().encode()).hexdigest()[:6]  # in temporary files' names: some locks end at the machine
TEMPORARY = re.compile(r"\..+-(?P<host>[0-9a-f]{6})-[a-z0-9_]{8}\.tmp")
ABANDONED = 24 * 3600  # seconds after which a temporary file counts as left over, whichever machine wrote it


@contextmanager
def write_atomically(path: Path, size: int | None = None) -> Iterator[IO[bytes]]:
    """Open a temporary file next to ``path``; on success flush it to disk and rename it into place.

    Raises
    ------
    MachineError
        If the disk is full or a limit is reached; it names the file and, where known, its ``size`` in bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked_temporary(path) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o666 & ~_umask())  # a temporary file is created private to its owner
            temporary.replace(path)
        except BaseException as error:
            temporary.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename == file.name:
                error.filename = str(path)  # the temporary file is nobody's concern
            if isinstance(error, OSError) and (fault := as_machine_error(error, str(path), size)) is not None:
                raise fault from error
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # otherwise a crash may lose the rename
    finally:
        os.close(folder)


def _locked_temporary(path: Path) -> IO[bytes]:
    while True:
        try:
            file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-{HOST}-", suffix=".tmp", delete=False)
        except OSError as error:
            error.filename = str(path)
            raise
        _lock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # swept before it was locked


def _lock(file: IO[bytes], how: int) -> bool | None:
    """Lock a file; False if another process holds it, None if this file system has no locks."""
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def sweep(folder: Path) -> list[Path]:
    """Remove the temporary files in a folder that no process is writing any more; returns them.

    One of another machine, or on a file system without locks, is removed a day after it was written.
    """
    return [path for path in _temporaries(folder) if _removed(path)]


def _temporaries(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if TEMPORARY.fullmatch(path.name)]
    except OSError:  # not there, or not ours to read
        return []


def _removed(path: Path) -> bool:
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return False
        with path.open("r+b") as file:
            lock, match = _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB), TEMPORARY.fullmatch(path.name)
            certain = lock and match is not None and match["host"] == HOST
            if lock is False or not (certain or time.time() - found.st_mtime > ABANDONED):
                return False
            path.unlink()
    except OSError:  # renamed into place meanwhile, or not ours to remove
        return False
    return True


def _umask() -> int:
    current = os.umask(0o077)  # what another thread creates at this moment is rather too private than open to all
    os.umask(current)
    return current


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with write_atomically(path, len(content)) as file:
        file.write(content)


def link(source: Path, target: Path) -> None:
    """Give a file a further name, atomically replacing what has that name; a copy if hard links are not possible."""
    if target.exists() and target.samefile(source):
        return  # renaming one name of a file over another one of it would do nothing
    while True:
        temporary = target.with_name(f".{target.name}-{HOST}-{token_hex(4)}.tmp")
        try:
            temporary.hardlink_to(source)
        except OSError:
            write_bytes(target, source.read_bytes())
            return
        try:
            temporary.replace(target)
            return
        except FileNotFoundError:
            continue  # swept before it was renamed


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
