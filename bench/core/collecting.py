"""Pause Python's garbage collector while many lasting objects are made: it would scan all of them each time."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect no garbage in this block; objects outside cycles are freed as usual."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def importing(library: str) -> Iterator[None]:
    """Import a large library in this block: its objects stay, so the collector never looks through them again."""
    first = library not in sys.modules
    with paused():
        yield
    if first:
        gc.freeze()
