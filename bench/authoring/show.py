"""Describe a plug-in, or a name of ``bench.api`` and ``bench.toolkit``, for ``bench show``."""

from __future__ import annotations

import sys
from importlib import import_module

from bench.api import Params, Pretrained, Trainable
from bench.authoring.fields import lines_of
from bench.authoring.reference import reference_of
from bench.registry import Plugin, Registry


def describe(registry: Registry, name: str) -> str:
    """Describe every plug-in of a name, of whatever kind, or else a name of ``bench.api`` or ``bench.toolkit``."""
    if name not in {source.name for source in registry.sources} and (found := reference_of(name)) is not None:
        return found
    return "\n\n".join(_one(registry.plugin(kind.name, name)) for kind in registry.kinds_of(name))


def _one(plugin: Plugin) -> str:
    cls, source = plugin.cls, plugin.source
    module = sys.modules[cls.__module__]
    lines = [f"{source.kind.label} {source.name}   [{source.origin}] {source.path or ''}", ""]
    lines += [(module.__doc__ or cls.__doc__ or "").strip(), ""]
    lines += [*import_module(f"bench.authoring.conformance.{source.kind.name}").facts(cls)]
    if issubclass(cls, Trainable) and not issubclass(cls, Pretrained):
        what = f"--{source.kind.singular} {source.name} --dataset NAME --out {source.name}.safetensors"
        lines += [f"trained by: bench pretrain {what}"]
    lines += [""]
    config = getattr(cls, "Config", None)
    if isinstance(config, type) and issubclass(config, Params) and config.model_fields:
        lines += ["hyper-parameters:", *lines_of(config)]
    return "\n".join(lines).rstrip()
