"""Contain a plug-in's code while it is imported or called: its output goes to stderr, and the folder is restored."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Redirect printed text to standard error, C code included, and restore the working folder."""
    with contextlib.ExitStack() as put_back:
        with contextlib.suppress(OSError):  # the folder is gone
            put_back.callback(os.chdir, Path.cwd())
        put_back.enter_context(prints_to_stderr())
        yield


@contextlib.contextmanager
def prints_to_stderr() -> Iterator[TextIO]:
    """Send what is printed to standard error, C code included; yields a stream to standard output for our own lines."""
    out = sys.stdout
    if out is None or sys.stderr is None:
        yield out
        return
    out.flush()
    try:
        kept = os.dup(1) if out.fileno() == 1 else None
    except (OSError, ValueError):  # not a file: a notebook, a test
        kept = None
    with contextlib.ExitStack() as put_back:
        if kept is not None:
            os.dup2(2, 1)
            put_back.callback(os.close, kept)
            put_back.callback(os.dup2, kept, 1)
            put_back.callback(sys.stderr.flush)
            copy = open(kept, "w", encoding=out.encoding, errors=out.errors, closefd=False)  # noqa: PTH123, SIM115
            out = put_back.enter_context(copy)
        put_back.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield out
