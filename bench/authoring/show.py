"""What ``bench show`` says of a plug-in."""

from __future__ import annotations

import sys
from importlib import import_module

from bench.api import Params
from bench.registry import Plugin, Registry


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
        bounds = " ".join(str(m) for m in field.metadata)
        default = "required" if field.is_required() else f"= {field.default!r}"
        kind = getattr(field.annotation, "__name__", str(field.annotation)).replace("typing.", "")
        lines.append(
            f"  {name:20} {default:22} {kind if 'Literal' not in kind else field.annotation} {bounds}".replace(
                "typing.", ""
            ).rstrip()
        )
        lines.append(f"  {'':20} {field.description or ''}".rstrip())
    return lines
