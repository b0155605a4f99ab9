"""The entry points of a cell's plug-in code, and the files outside this project that it reaches."""

from __future__ import annotations

from typing import Any

from bench.core.code_watch import sources_of
from bench.core.remembered import remembered
from bench.evaluation.own_metrics import OwnMetric
from bench.experiments.cells.parts import Parts, Shared
from bench.workspace.weights.extractor_names import plugin_of
from bench.workspace.weights.loading import Original


@remembered
def sources(parts: Shared, method: str) -> dict[str, str]:
    """Return the files of plug-in code behind the cells of a method at one place, with a hash of each."""
    oracles, registry = parts.judgement.oracles, parts.workspace.registry
    plugins = [("datasets", parts.place.settings.dataset), *(("extractors", name) for name in parts.extractors)]
    roots = [
        *plugin_code(parts, "methods", method),
        *original_code(parts),
        *oracles.feedback.code_in(registry),
        *oracles.evaluation.code_in(registry),
        *(root for name in parts.metrics for root in metric_code(parts, name)),
        *(root for kind, name in plugins for root in plugin_code(parts, kind, name)),
    ]
    return sources_of(*roots)


def plugin_code(parts: Shared, kind: str, name: str, *methods: str) -> tuple[Any, ...]:
    """Return the entry points of a plug-in's code; see ``Plugin.code``."""
    registry = parts.workspace.registry
    return registry.plugin(kind, plugin_of(registry, name) if kind == "extractors" else name).code(*methods)


def method_code(parts: Parts) -> tuple[Any, ...]:
    """Return the entry points of the code of a cell's method."""
    return plugin_code(parts, "methods", parts.cell.method)


def metric_code(parts: Shared, name: str) -> tuple[Any, ...]:
    """Return the entry points of a metric's code, for a plug-in or for a metric of the engine."""
    metric = parts.metrics[name]
    return (type(metric),) if isinstance(metric, OwnMetric) else plugin_code(parts, "metrics", name)


def original_code(parts: Shared) -> tuple[Any, ...]:
    """Return the original generator's code, as ``building_code`` does."""
    return building_code(parts, parts.original)


def building_code(parts: Shared, original: Original) -> tuple[Any, ...]:
    """Return the classes of the generator and of the model, whose ``build`` determines what the weights draw."""
    _, *building = plugin_code(parts, "models", original.model_name, "build")
    return (type(original.generator), *building)
