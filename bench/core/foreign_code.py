"""What a stranger's code may do to this process while it is imported or asked, and what is put back afterwards."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Send what is printed to standard error, C code included, and come back to the same folder."""
    with contextlib.ExitStack() as put_back:
        with contextlib.suppress(OSError):  # the folder is gone
            put_back.callback(os.chdir, Path.cwd())
        put_back.enter_context(_printing_to_stderr())
        yield


@contextlib.contextmanager
def _printing_to_stderr() -> Iterator[None]:
    if sys.stdout is None or sys.stderr is None:
        yield
        return
    sys.stdout.flush()
    try:
        kept = os.dup(1) if sys.stdout.fileno() == 1 else None
    except (OSError, ValueError):  # not a file: a notebook, a test
        kept = None
    if kept is not None:
        os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)
