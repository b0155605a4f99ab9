"""What ``bench show`` says of a plug-in."""

from __future__ import annotations

import sys
from typing import Any

from bench.api import Classifier, Dataset, Extractor, Method, Metric, Params, Trainable
from bench.registry import Plugin, Registry


def describe(registry: Registry, name: str) -> str:
    """Describe every plug-in of a name, of whatever kind."""
    return "\n\n".join(_one(registry.plugin(kind.name, name)) for kind in registry.kinds_of(name))


def _one(plugin: Plugin) -> str:
    cls, source = plugin.cls, plugin.source
    module = sys.modules[cls.__module__]
    lines = [f"{source.kind.label} {source.name}   [{source.origin}] {source.path or ''}", ""]
    lines += [(module.__doc__ or cls.__doc__ or "").strip(), ""]
    lines += _facts(cls)
    config = getattr(cls, "Config", None)
    if isinstance(config, type) and issubclass(config, Params) and config.model_fields:
        lines += ["hyper-parameters:", *_fields(config)]
    return "\n".join(lines).rstrip()


def _facts(cls: type[Any]) -> list[str]:
    if issubclass(cls, Method):
        needs = ", ".join(sorted(cls.needs)) or "nothing but the generator and the feedback"
        return [f"needs: {needs}", f"reads feedback: {'yes' if cls.reads_feedback else 'no'}", ""]
    if issubclass(cls, Dataset):
        if cls.classifier is None:
            return ["features: whatever was clicked", "oracle: none", "images: none", ""]
        return [f"features: {', '.join(cls.features)}", f"oracle: {cls.classifier}", f"images: {cls.image_shape}", ""]
    if issubclass(cls, Classifier):
        if issubclass(cls, Trainable):
            return ["attributes: those of the data set that its weights were trained on", ""]
        return [f"attributes: {', '.join(f'{a} (cut {cls.cuts[a]:.4g})' for a in cls.attributes)}", ""]
    if issubclass(cls, Extractor):
        return [f"classes: {', '.join(cls.classes)}", ""]
    if issubclass(cls, Metric):
        return [f"reads: {', '.join(sorted(cls.columns))}", ""]
    return []


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
