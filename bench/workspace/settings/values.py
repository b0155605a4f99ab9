r"""Read what a user types after ``-p`` and ``--set``; the field's type decides how.

=====================  ===================================================================================
a list or a tuple      commas between the elements (``keep=Male,Young``), or a TOML list (``["Male", "Young"]``);
                       the empty text is an empty list
a text                 the text as it is
a number, a choice     one of them
yes or no              ``true`` or ``false``
a field with None      ``none`` or ``null``, or what its other type takes
a table, any value     a TOML value (``{a = 1}``, ``3``, ``["a", "b"]``); anything else stays text
=====================  ===================================================================================

``//`` separates the values of a grid (``alpha=1//3//5``). Type ``\//`` for two slashes inside a value.
An element that contains a comma needs the TOML list.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.core import limits
from bench.errors import UsageError, shown, unknown
from bench.workspace.settings import typed_text

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from bench.api import Params

SLASHES = re.compile(r"\\//|//|.", re.DOTALL)  # two slashes of a value, a grid's sign, anything else


def read_assignments(texts: Sequence[str], flag: str) -> dict[str, str]:
    """Split ``name=value`` into name to text.

    Raises
    ------
    UsageError
        For a text without a name or ``=``, and for a name given twice.
    """
    typed: dict[str, str] = {}
    for assignment in texts:
        name, separator, text = assignment.partition("=")
        if not separator or not name:
            raise UsageError(f"{flag} {shown(assignment)}: expected name=value")
        if name in typed:
            grid = f"; where a grid is allowed, write {flag} {shown(name)}=1//2" if flag == "-p" else ""
            raise UsageError(f"{flag} {shown(name)}: given twice. Give it once{grid}")
        typed[name] = text
    return typed


def grid_of(config: type[Params], typed: Mapping[str, str], flag: str) -> list[dict[str, Any]]:
    """Read a grid: every combination of the values between ``//``, each a mapping of field to value.

    Parameters
    ----------
    config : type of Params
    typed : mapping of str to str
        Field to text.
    flag : str
        Where it was typed; named in errors.

    Raises
    ------
    UsageError
        Naming every unknown field and every value that its field rejects, with what to type.
    """
    read = _read(config, typed, flag, _grid)
    if (count := math.prod(map(len, read))) > limits.CELLS:
        raise UsageError(f"{flag}: the grid has {count:,} combinations; at most {limits.CELLS:,} in one command")
    return [dict(zip(typed, values, strict=True)) for values in itertools.product(*read)]


def values_of(config: type[Params], typed: Mapping[str, str], flag: str) -> dict[str, Any]:
    """Read one value per field; raises UsageError as ``grid_of`` does, and for a grid."""
    return {name: value for name, (value,) in zip(typed, _read(config, typed, flag, _single), strict=True)}


def one_value(annotation: Any, name: str, text: str, flag: str) -> Any:
    """Read one value for a field of a type, unchecked; raises UsageError for a grid."""
    (part,) = _single(name, text, flag)
    return typed_text.parse(annotation, part)


def assignments(fields: Mapping[str, Any]) -> list[str]:
    """Write fields as ``-p`` reads them: name=value."""
    texts = {name: typed_text.to_text(value).replace("//", r"\//") for name, value in fields.items()}
    return [f"{name}={text}" for name, text in texts.items()]


def _grid(name: str, text: str, flag: str) -> list[str]:
    parts = [""]
    for token in SLASHES.findall(text):
        if token == "//":
            parts.append("")
        else:
            parts[-1] += "//" if token == r"\//" else token
    return parts


def _single(name: str, text: str, flag: str) -> list[str]:
    parts = _grid(name, text, flag)
    if len(parts) > 1:
        raise UsageError(
            f"{flag} {name}: '{shown(text)}' is a grid, but only one value is allowed here. "
            r"Give one of its values; for two slashes inside a value type \//"
        )
    return parts


def _read(
    config: type[Params], typed: Mapping[str, str], flag: str, split: Callable[[str, str, str], list[str]]
) -> list[list[Any]]:
    """Return the values of each field; raises one UsageError for everything wrong."""
    found: list[list[Any]] = []
    wrong: list[str] = []
    for name, text in typed.items():
        if name not in config.model_fields:
            wrong.append(str(unknown("field", name, config.model_fields, flag)))
            continue
        try:
            parts = split(name, text, flag)
        except UsageError as error:
            wrong.append(str(error))
            continue
        field = config.model_fields[name]
        found.append([typed_text.parse(field.annotation, part) for part in parts])
        for part, value in zip(parts, found[-1], strict=True):
            if why := _refused(config, name, part, value):
                single = "," in part and typed_text.is_single(field.annotation)
                if single:
                    why = why.replace("' should be", "' is read as one value, and should be", 1)
                wrong.append(f"{flag} {name}: {why}{_remedy(flag, name, part, field, single and split is _grid)}")
    if wrong:
        raise UsageError("\n".join(wrong))
    return found


def _refused(config: type[Params], name: str, text: str, value: Any) -> str:
    """Return why a field rejects a value; "" if it accepts it. Checks between fields are left out."""
    try:
        config.model_validate({name: value})
    except ValidationError as error:
        own = [e for e in error.errors() if e["loc"][:1] == (name,)]
        return "; ".join(dict.fromkeys(_told(e, text) for e in own))
    return ""


def _told(error: Any, text: str) -> str:
    """Quote what was typed in pydantic's message: "Input should be a valid number" to "'fast' should be ..."."""
    if error["type"] == "missing":
        return f"'{shown(text)}' has too few elements"
    wrong = text if len(error["loc"]) == 1 else str(error["input"])
    message = error["msg"].partition(", unable to ")[0].removeprefix("Value error, ")
    quoted = f"'{shown(wrong)}'"
    return f"{quoted}{message.removeprefix('Input')}" if message.startswith("Input ") else f"{quoted}: {message}"


def _remedy(flag: str, name: str, text: str, field: FieldInfo, grid: bool) -> str:
    """Return a further sentence that says what to type instead; "" if there is nothing to suggest."""
    if not flag.startswith("-"):
        return ""
    option = flag.split()[0]
    if grid:
        return f". For a grid write {option} {name}={'//'.join(part.strip() for part in text.split(','))}"
    if near := get_close_matches(shown(text), typed_text.choices(field.annotation), n=1, cutoff=0.5):
        return f". Did you mean {option} {assignments({name: near[0]})[0]}?"
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default not in (None, (), [], "", {}):
        return f". For instance: {option} {assignments({name: default})[0]}"
    return (
        f". Separate the elements of a list by commas: {option} {name}=A,B"
        if typed_text.is_list(field.annotation)
        else ""
    )
