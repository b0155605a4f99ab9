"""Reading the feedback file that a person names, before anything runs."""

from __future__ import annotations

from pathlib import Path

from bench.api import Feedback, Generator
from bench.errors import BenchError, UsageError, shown
from bench.feedback import file, repeats
from bench.feedback.file import FeedbackFile


def read(path: Path, weights_sha256: str, generator: Generator) -> tuple[Feedback, FeedbackFile]:
    """Read a feedback file, and the noise array next to it.

    Raises
    ------
    UsageError
        Naming the file: as ``file.from_file`` and ``repeats.read`` do, and for a noise array on which NumPy fails.
    """
    try:
        found = file.from_file(path, weights_sha256, generator)
    except BenchError as error:
        if str(path) in str(error):
            raise
        raise UsageError(f"--feedback {path}: {error}") from error
    except Exception as error:  # NumPy evaluates a header: SyntaxError, TokenError, MemoryError
        reason = f"{type(error).__name__}: {shown(str(error))}"
        raise UsageError(
            f"--feedback {path}: its noise_file is not a NumPy array that can be read ({reason})"
        ) from error
    repeats.read(path)  # raises now rather than after the run
    return found
