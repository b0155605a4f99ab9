"""Where the plug-ins of a cell come from: plug-ins are code, so a record says whose."""

from __future__ import annotations

from bench.experiments.cells.parts import Parts
from bench.workspace.store.record import PluginFile
from bench.workspace.weights.extractor_names import plugin_of


def loaded_from(parts: Parts) -> dict[str, PluginFile]:
    """Return every plug-in of a cell by kind and name ("methods/ours"), with its origin and the sha256 of its file."""
    cell = parts.cell
    named = {("methods", cell.method), ("models", cell.model), ("datasets", cell.settings.dataset)}
    named |= {("metrics", name) for name in parts.metrics} | {
        ("extractors", plugin_of(parts.workspace.registry, name)) for name in parts.extractors
    }
    observers = {loaded.name for loaded in vars(parts.judgement.oracles).values()}
    named |= {(kind, name) for kind in ("classifiers", "extractors") for name in observers}
    found = {(each.kind.name, each.name): each for each in parts.workspace.registry.sources}
    return {
        f"{kind}/{name}": PluginFile(origin=found[kind, name].origin, sha256=found[kind, name].sha256)
        for kind, name in sorted(named)
        if (kind, name) in found
    }
