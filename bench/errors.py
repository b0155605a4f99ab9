"""Errors a user can mend: what is wrong, what is allowed, what to type next."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

OUT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

EXIT_OK = 0
EXIT_SOME_FAILED = 1
EXIT_INTERRUPTED = 2
EXIT_PLUGIN = 3
EXIT_USAGE = 4
EXIT_NOTHING = 5

SHOWN = 60  # characters of a wrong text that an error quotes
MOST = 10  # wrong fields that an error names


class BenchError(Exception):
    """An error that the user can mend; printed without a traceback."""

    exit_code = EXIT_SOME_FAILED


class UsageError(BenchError):
    """Wrong input: an unknown name, a bad value, an unsuitable file."""

    exit_code = EXIT_USAGE


class DataError(BenchError):
    """A data set is not here, or is not what it should be."""

    exit_code = EXIT_USAGE


class WrongData(DataError):
    """A data set's file is here, but it is damaged or another one."""


class CheckpointError(BenchError):
    """Weights are missing, damaged or belong to another network."""

    exit_code = EXIT_USAGE


class MissingWeights(CheckpointError):
    """Weights are not here; others may do."""


class PluginError(BenchError):
    """A plug-in breaks the contract."""

    exit_code = EXIT_PLUGIN


class StoreError(BenchError):
    """A results folder or a stored record cannot be used."""

    exit_code = EXIT_USAGE


class MachineError(BenchError):
    """A full disk, or a limit on the size of files: the machine's fault, not the method's, so it is not stored."""


class Diverged(BenchError):
    """A value that must be finite became NaN or infinite during training."""

    def __init__(self, step: int, name: str, value: float) -> None:
        super().__init__(
            f"training diverged: {name} = {value} at step {step}. Nothing from this run is reused. "
            f"Try a smaller learning rate (-p lr=...)."
        )
        self.step = step


class Interrupted(BaseException):
    """Ctrl-C, raised at a point from which the same command can resume."""


def unknown(kind: str, name: str, known: Iterable[str], flag: str) -> UsageError:
    """Build the error for an unknown name, with the nearest known one.

    Parameters
    ----------
    kind : str
        What was looked up, in the singular ("method").
    name : str
        What was typed.
    known : iterable of str
        The known names.
    flag : str
        Where it was typed: a flag or an API argument ("--method").
    """
    return UsageError(f"{flag}: unknown {kind} '{shown(name)}'. {suggestion(name, known)}")


def shown(text: str, length: int = SHOWN) -> str:
    """Shorten a text that an error quotes, on one line: what does not print is escaped."""
    short = text if len(text) <= length else f"{text[:length]}..."
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in short)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the nearest known name, if one is near, and all known names, as sentences."""
    names = sorted(known)
    near = get_close_matches(shown(name), names, n=1)  # its time is quadratic in the length
    guess = f"Did you mean '{near[0]}'? " if near else ""
    if any(each != each.strip() or "," in each for each in names):  # as the labels of rows are
        names = [f"'{each}'" for each in names]
    return f"{guess}Known: {', '.join(names) or 'none'}."


PYDANTIC = {
    "missing": "is missing",
    "extra_forbidden": "unknown field",
    "model_type": "should be a table of fields",
    "dict_type": "should be a table of fields",
}


def reason_of(problem: ErrorDetails) -> str:
    """Return why pydantic rejects a field: "should be a valid integer", "is missing"."""
    message = PYDANTIC.get(problem["type"], problem["msg"])
    for start in ("Input ", "String ", "Value error, "):
        message = message.removeprefix(start)
    return message.partition(", unable to ")[0]


def wrong_fields(error: ValidationError) -> str:
    """Return what pydantic rejects as one line, "field: message; field: message"."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)[:MOST]  # may be many
    found = [(shown(".".join(map(str, each["loc"]))), reason_of(each)) for each in wrong]
    more = [f"{error.error_count() - MOST} more"] if error.error_count() > MOST else []
    return "; ".join([*(f"{field}: {message}" if field else message for field, message in found), *more])


def as_machine_error(error: OSError, place: str = "", count: int | None = None) -> MachineError | None:
    """Return what to tell the user if an error is the machine's; None if it is not.

    Parameters
    ----------
    error : OSError
    place : str
        What was written, if the error does not say.
    count : int, optional
        How many bytes.
    """
    if error.errno not in OUT_OF_ROOM:
        return None
    size = "" if count is None else f" ({count:,} bytes)"
    return MachineError(
        f"{place or error.filename or 'a file'}{size}: {error.strerror}. Make room, then run the same command again"
    )


def first_sentence(error: BenchError) -> str:
    """Return what is wrong, without the remedy."""
    return str(error).split(". ")[0]
