"""The fields of a configuration as lines: name, default, type, bounds, what it means."""

from __future__ import annotations

from pydantic import AfterValidator

from bench.api import Params

SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "multiple_of": "multiple of", "min_length": "length >="}


def lines_of(config: type[Params]) -> list[str]:
    """Return two lines for each field."""
    lines = []
    for name, field in config.model_fields.items():
        bounds = ", ".join(_bound(each) for each in field.metadata)
        default = "required" if field.is_required() else f"= {field.default!r}"
        kind = field.annotation.__name__ if isinstance(field.annotation, type) else str(field.annotation)
        lines.append(f"  {name:20} {default:22} {kind.replace('typing.', '')} {bounds}".rstrip())
        lines.append(f"  {'':20} {field.description or ''}".rstrip())
    return lines


def _bound(constraint: object) -> str:
    """Return a constraint as one writes it: Ge(ge=1) as ">= 1"."""
    if isinstance(constraint, AfterValidator):
        return getattr(constraint.func, "__name__", "").replace("_", " ")
    found = [f"{sign} {getattr(constraint, name)}" for name, sign in SIGNS.items() if hasattr(constraint, name)]
    return " ".join(found) or str(constraint)
