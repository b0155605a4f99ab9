"""What ``bench show`` says of a plug-in."""

from __future__ import annotations

import sys
from importlib import import_module

from pydantic import AfterValidator

from bench.api import Params
from bench.registry import Plugin, Registry

SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "multiple_of": "multiple of", "min_length": "length >="}


def describe(registry: Registry, name: str) -> str:
    """Describe every plug-in of a name, of whatever kind."""
    return "\n\n".join(_one(registry.plugin(kind.name, name)) for kind in registry.kinds_of(name))


def _one(plugin: Plugin) -> str:
    cls, source = plugin.cls, plugin.source
    module = sys.modules[cls.__module__]
    lines = [f"{source.kind.label} {source.name}   [{source.origin}] {source.path or ''}", ""]
    lines += [(module.__doc__ or cls.__doc__ or "").strip(), ""]
    lines += [*import_module(f"bench.authoring.conformance.{source.kind.name}").facts(cls), ""]
    config = getattr(cls, "Config", None)
    if isinstance(config, type) and issubclass(config, Params) and config.model_fields:
        lines += ["hyper-parameters:", *_fields(config)]
    return "\n".join(lines).rstrip()


def _fields(config: type[Params]) -> list[str]:
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
