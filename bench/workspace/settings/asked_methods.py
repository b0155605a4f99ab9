"""Parse the methods of a request: names, each with parameters if given (``mine -p mix=0.5``)."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from bench.errors import UsageError, shown

OPTIONS = ("-p", "--param")
FIRST_OPTION = re.compile(rf"\s(?:{'|'.join(OPTIONS)})(?=\s|$)")


@dataclass(frozen=True)
class AskedMethod:
    """A registered name, and the parameters as typed: ``("mix=0.5", ...)``."""

    name: str
    params: tuple[str, ...] = ()


def divided(text: str) -> tuple[str, str]:
    """Divide a list of methods before the parameters of the last one: "a, b -p c=1" into "a, b" and " -p c=1"."""
    found = FIRST_OPTION.search(text)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def split_methods(text: str) -> list[str]:
    """Split a comma list of methods; what follows ``-p`` belongs to the last one, commas included."""
    head, params = divided(text)
    names = [part.strip() for part in head.split(",") if part.strip()]
    return [*names[:-1], "".join(names[-1:]) + params] if params else names


def read_method(text: str) -> AskedMethod:
    """Read one method of the list; raises UsageError unless it is a name with ``-p name=value`` after it."""
    wrong = UsageError(f'--method "{shown(text)}": expected a name, or one with parameters: "NAME -p FIELD=VALUE"')
    if len(names := text.split()) > 1 and not any(name.startswith("-") or "=" in name for name in names):
        raise UsageError(f'--method "{shown(text)}": several names are separated by commas: {shown(",".join(names))}')
    try:
        name, *words = shlex.split(text)
    except ValueError as error:
        raise wrong from error
    if name in OPTIONS or len(words) % 2 or any(option not in OPTIONS for option in words[::2]):
        raise wrong
    return AskedMethod(name, tuple(words[1::2]))
