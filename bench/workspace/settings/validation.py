"""Collect everything that is wrong with a configuration into one error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError

from bench.api import Params
from bench.errors import UsageError, reason_of, shown, suggestion

ParamsT = TypeVar("ParamsT", bound=Params)


def validated(kind: type[ParamsT], content: Mapping[str, Any], flag: str) -> ParamsT:
    """Validate content; raises one UsageError for all that is wrong."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        lines = [f"{_place(e)}{explain(e, kind)}" for e in error.errors()]
        if len(lines) == 1 and not _place(error.errors()[0]):
            raise UsageError(f"{flag}: {lines[0]}") from error
        raise UsageError(f"{flag}: {len(lines)} wrong value(s)\n" + "\n".join(f"  {line}" for line in lines)) from error


def _place(error: Any) -> str:
    """Return the field that is wrong, as the start of a line; "" for what several say together."""
    return f"{shown('.'.join(map(str, error['loc'])))}: " if error["loc"] else ""


def explain(error: Any, kind: type[Params]) -> str:
    """Return what is wrong with a field: "should be a valid integer (got 'x')", with the nearest name or choice."""
    if error["type"] == "extra_forbidden":
        *path, name = error["loc"]
        return f"unknown field. {suggestion(shown(str(name)), _fields_at(kind, path))}"
    given = "" if isinstance(error["input"], Mapping) else f" (got {shown(repr(error['input']))})"
    if error["type"] in ("tuple_type", "list_type") and isinstance(error["input"], str):
        return f"should be a list of values, not a single text{given}"
    return f"{reason_of(error)}{given}{_nearest(error)}"


def _nearest(error: Any) -> str:
    if error["type"] != "literal_error":
        return ""
    near = get_close_matches(
        shown(str(error["input"])), re.findall("'([^']*)'", error["ctx"]["expected"]), n=1, cutoff=0.5
    )
    return f". Did you mean '{near[0]}'?" if near else ""


def _fields_at(kind: type[Params], path: Iterable[Any]) -> Iterable[str]:
    """Return the fields that a user may set at a path inside a model."""
    inner: Any = kind
    for step in path:
        field = inner.model_fields.get(step) if hasattr(inner, "model_fields") else None
        if field is not None:
            inner = field.annotation
            if getattr(inner, "__args__", None):
                inner = inner.__args__[-1]  # the values of a mapping
    fields: Iterable[str] = getattr(inner, "model_fields", {})
    return fields
