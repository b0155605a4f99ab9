"""Errors a user can mend: what was wrong, what was allowed, what to type next."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

EXIT_OK = 0
EXIT_SOME_FAILED = 1
EXIT_INTERRUPTED = 2
EXIT_PLUGIN = 3
EXIT_USAGE = 4
EXIT_NOTHING = 5


class BenchError(Exception):
    """A problem with a message for people; printed without a traceback."""

    exit_code = EXIT_SOME_FAILED


class UsageError(BenchError):
    """Something the user typed: an unknown name, a bad value, a file that cannot serve."""

    exit_code = EXIT_USAGE


class DataError(BenchError):
    """A data set or a file is missing, truncated or not what it claims to be."""

    exit_code = EXIT_USAGE


class CheckpointError(BenchError):
    """Weights that are missing, damaged or of another network."""

    exit_code = EXIT_USAGE


class PluginError(BenchError):
    """A plug-in does not keep the contract."""

    exit_code = EXIT_PLUGIN


class StoreError(BenchError):
    """A results folder or a stored record cannot be used."""

    exit_code = EXIT_USAGE


class Diverged(BenchError):
    """A value that must be finite became NaN or infinite during training."""

    def __init__(self, step: int, name: str, value: float) -> None:
        super().__init__(
            f"training diverged: {name} = {value} at step {step}. Nothing of this run is reused. "
            f"A smaller learning rate is the usual remedy (-p lr=...)."
        )
        self.step = step


class Interrupted(BaseException):
    """Ctrl-C, taken at a point from which the same command resumes."""


def unknown(kind: str, name: str, known: Iterable[str], flag: str) -> UsageError:
    """Build the error for a name that is not there, with its nearest match.

    Parameters
    ----------
    kind : str
        What was looked up, in the singular ("method").
    name : str
        What was asked for.
    known : iterable of str
        What there is.
    flag : str
        Where it was typed, flag and API argument ("--method").
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f" Did you mean '{near[0]}'?" if near else ""
    return UsageError(f"{flag}: there is no {kind} '{name}'.{guess} Known: {', '.join(names) or 'none'}.")


def first_sentence(error: BenchError) -> str:
    """Return what was wrong, without the remedy."""
    return str(error).split(". ")[0]
