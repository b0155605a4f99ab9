"""What looks at images, loaded: trained classifiers, extractors, and the oracle that an unlearned generator asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.api import Classifier, Extractor, Oracle, Trainable
from bench.errors import CheckpointError, PluginError
from bench.registry import Registry
from bench.workspace import manifest
from bench.workspace.checkpoint import Checkpoint
from bench.workspace.networks import networks_of, stored_for


@dataclass(frozen=True)
class LoadedClassifier:
    """A loaded classifier; an untrained one has no weights.

    Attributes
    ----------
    name : str
        As registered.
    classifier : Classifier
    weights : str or None
        Zoo name or file.
    sha256 : str or None
        Of the weights' content.
    accuracy : dict
        Per attribute, what its training measured on held-out images (``Trainable.assess``).
    """

    name: str
    classifier: Classifier
    weights: str | None = None
    sha256: str | None = None
    accuracy: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name in the source of a number."""
        return self.weights or self.name

    def oracle(self, feature: str, threshold: float) -> Oracle:
        """Return it as the oracle of one feature."""
        return Oracle(self.classifier, self.name, feature, threshold, self.weights, self.sha256)


def load_classifier(registry: Registry, name: str, weights: str) -> LoadedClassifier:
    """Load a trained classifier, in eval mode, gradients off."""
    path = manifest.path_of(weights)
    stored = stored_for(path, "classifier", name)
    plugin_class = registry.get("classifiers", name)
    networks = networks_of(plugin_class(), stored, path)
    known = weights if weights in manifest.entries() else str(path.resolve())
    return LoadedClassifier(name, plugin_class(networks), known, stored.sha256, stored.description.get("accuracy", {}))


def load_extractor(registry: Registry, name: str, weights: str | Path) -> tuple[Extractor, str]:
    """Load a trained extractor; returns it and its weights' sha256."""
    plugin_class: type[Extractor] = registry.get("extractors", name, "--set evaluation.extractors")
    found = plugin_class.identity()
    if found is not None:
        return plugin_class(), found
    if not issubclass(plugin_class, Trainable):
        raise PluginError(
            f"extractor '{name}': has no training recipe and finds no weights by itself. Implement identity(), which "
            "returns the sha256 of what it computes with"
        )
    others = "--set evaluation.extractors=NAME"
    manifest.require(str(weights), f"extractor '{name}'", f"--extractor {name} --dataset NAME", others)
    path = manifest.path_of(weights)
    stored = stored_for(path, "extractor", name)
    return plugin_class(networks_of(plugin_class(), stored, path)), stored.sha256


def stored_oracle(registry: Registry, stored: Checkpoint, path: Path) -> Oracle | None:
    """Return the oracle that an unlearned generator still asks, loaded from the weights it was made with."""
    described = stored.description.get("oracle")
    if described is None:
        return None
    if described.get("weights") is None:
        return Oracle(registry.get("classifiers", described["name"])(), **described)
    loaded = load_classifier(registry, described["name"], described["weights"])
    if loaded.sha256 != described["sha256"]:
        raise CheckpointError(
            f"{path}: the weights '{loaded.weights}' of its oracle have changed since it was made "
            f"(their sha256 was {described['sha256'][:12]}...)"
        )
    return Oracle(loaded.classifier, **described)
