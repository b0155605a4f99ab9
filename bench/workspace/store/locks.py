"""Locks on folders: between processes, on one machine or several; the lock of a killed process is free at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from bench.errors import StoreError

LOOK = 1.0  # seconds between two looks whether a process that waits can do something else


def acquired(
    folder: Path,
    holder: Path,
    tell: Callable[[str], None] | None,
    waits: Callable[[str | None], None],
    meanwhile: Callable[[], None] | None,
) -> FileLock | None:
    """Lock a folder; None if it was removed meanwhile, by a process that had nothing to keep in it.

    Parameters
    ----------
    folder : Path
    holder : Path
        The file in which the process that has the lock says who it is.
    tell : callable or None
        Told which process is waited for, if one is.
    waits : callable
        Told what is waited for, then None.
    meanwhile : callable or None
        Called about once a second while this process waits.

    Raises
    ------
    StoreError
        If the folder is not ours to write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        try:
            lock.acquire(timeout=0)
        except PermissionError as error:  # of this folder: others can still be locked
            raise StoreError(f"{folder}: cannot be written ({error.strerror}). Change its permissions") from error
        except Timeout:
            if tell is not None:
                tell(f"{folder.name}: waiting for {_read(holder) or 'another process'}, which works on it")
            waits(folder.name)
            try:
                _wait(lock, meanwhile)
            finally:
                waits(None)
    except FileNotFoundError:
        return None
    if (folder / ".lock").exists():
        return lock
    lock.release()
    return None


def _wait(lock: FileLock, meanwhile: Callable[[], None] | None) -> None:
    while meanwhile is not None:
        meanwhile()
        with suppress(Timeout):
            lock.acquire(timeout=LOOK)
            return
    lock.acquire()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""
