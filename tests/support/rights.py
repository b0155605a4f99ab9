"""Files that may not be read, also where the tests run as root."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 0x20080522  # of Linux' capget(2)
OVERRIDES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: with which root reads and writes every file


@contextmanager
def forbidden(*paths: Path) -> Iterator[None]:
    """Take all rights to files and folders, and root's exemption from this thread."""
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0)
    try:
        with _as_others() if os.geteuid() == 0 else _unchanged():
            yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@contextmanager
def _as_others() -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    header, held, fewer = (ctypes.c_uint32 * 2)(VERSION, 0), (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0, os.strerror(ctypes.get_errno())
    fewer[:] = [held[0] & ~OVERRIDES, *held[1:]]  # of the rights in effect alone: they can be taken back
    assert libc.capset(header, fewer) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        assert libc.capset(header, held) == 0, os.strerror(ctypes.get_errno())


@contextmanager
def _unchanged() -> Iterator[None]:
    yield
