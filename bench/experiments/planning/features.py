"""Features by name: which are asked for, and which data set knows them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from bench.api import FurtherFeatures
from bench.errors import BenchError, PluginError
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.workspace import Workspace


def chosen(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return what was asked for, each once; ``all`` stands for everything known."""
    return list(dict.fromkeys(name for each in asked for name in (known if each == "all" else [each])))


def knows(workspace: Workspace, dataset: str, feature: str) -> bool:
    """Say whether a data set has a feature; one that must read files to tell, and cannot, is left out."""
    try:
        return feature in workspace.dataset(dataset).features
    except BenchError:
        return False


def of_feature(settings: ModelSettings, feature: str, workspace: Workspace) -> ModelSettings:
    """Return the settings of a feature; one that the data set does not know is another's, of the same images."""
    if feature in workspace.dataset(settings.dataset).features:
        return settings
    return settings.model_copy(update={"dataset": further(settings.dataset, workspace).get(feature, settings.dataset)})


def further(dataset: str, workspace: Workspace) -> dict[str, str]:
    """Return the features that others know of a data set's images, each with the data set that does."""
    found: dict[str, str] = {}
    for name in workspace.registry.names("datasets"):
        with suppress(PluginError):
            plugin = workspace.registry.get("datasets", name)
            if issubclass(plugin, FurtherFeatures) and plugin.images_of == dataset:
                found |= dict.fromkeys(workspace.dataset(name).features, name)
    return found
