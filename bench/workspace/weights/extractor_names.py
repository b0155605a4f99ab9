"""Names of extractors: a plug-in with its usual weights, or ``faces-celeba``, a plug-in trained on a data set."""

from __future__ import annotations

from typing import NamedTuple

from bench.registry import Registry
from bench.workspace import manifest


class TrainedOn(NamedTuple):
    """An extractor's plug-in, and the data set that its weights learn from: both as registered."""

    plugin: str
    dataset: str


def trained_on(registry: Registry, name: str) -> TrainedOn | None:
    """Return plug-in and data set of a name such as ``faces-celeba``; None for any other name."""
    if "-" not in name or name in registry.names("extractors") or name in manifest.entries():
        return None
    known = (TrainedOn(plugin, name.removeprefix(f"{plugin}-")) for plugin in registry.names("extractors"))
    return next((each for each in known if each.dataset in registry.names("datasets")), None)


def plugin_of(registry: Registry, name: str) -> str:
    """Return the plug-in behind an extractor's name."""
    found = trained_on(registry, name)
    return name if found is None else found.plugin
