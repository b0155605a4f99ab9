"""Load trained classifiers, extractors, and the oracle that an unlearned generator asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, Extractor, Oracle, Trainable, chunks, to_float
from bench.errors import CheckpointError, MissingWeights, PluginError, shown, suggestion
from bench.registry import Registry
from bench.toolkit.training import class_log_odds
from bench.workspace import manifest
from bench.workspace.weights.checkpoint import Checkpoint
from bench.workspace.weights.made_by import OracleMade, Tested, made_as
from bench.workspace.weights.networks import networks_of, stored_for

OBSERVERS = ("classifiers", "extractors")  # the kinds that can be oracles; of two plug-ins of one name, the first


@dataclass(frozen=True)
class LoadedClassifier:
    """A loaded oracle of any feature: a classifier, or an extractor's classes; one that measures has no weights.

    Attributes
    ----------
    name : str
        As registered: a classifier's or an extractor's name.
    classifier : Classifier
    weights : str or None
        Zoo name or file.
    sha256 : str or None
        Of the weights' content.
    accuracy : dict
        Per attribute, what its training measured on held-out images (``Trainable.assess``).
    learnt_on : str or None
        The data set that it learnt from; None for one that measures, and where its weights do not say.
    """

    name: str
    classifier: Classifier
    weights: str | None = None
    sha256: str | None = None
    accuracy: dict[str, dict[str, Any]] = field(default_factory=dict)
    learnt_on: str | None = None

    @property
    def label(self) -> str:
        """Its name in the source of a number."""
        return self.weights or self.name

    @property
    def code(self) -> tuple[type[Classifier | Extractor], ...]:
        """The classes whose code scores the images."""
        behind = (type(self.classifier.extractor),) if isinstance(self.classifier, ClassOracle) else ()
        return (type(self.classifier), *behind)

    def code_in(self, registry: Registry) -> tuple[Any, ...]:
        """Return where the code begins that scores images and builds its networks; see ``Plugin.code``."""
        kind = "extractors" if isinstance(self.classifier, ClassOracle) else "classifiers"
        registered = self.name in registry.names(kind)  # the stand-in for no oracle at all is not
        return (*self.code, *(registry.plugin(kind, self.name).code("build") if registered else ()))

    @property
    def features(self) -> tuple[str, ...]:
        """What it can be the oracle of: what it scores and has a cut for, and a class as ``attribute=class``."""
        its = self.classifier
        further = its.extractor.class_features() if isinstance(its, ClassOracle) else ()
        return tuple(dict.fromkeys([*(name for name in its.attributes if name in its.cuts), *further]))

    def named_as(self, feature: str) -> LoadedClassifier:
        """Return it with its classes named as the feature is: ``digit=3`` if that is ``digit=1``, else ``3``."""
        its = self.classifier
        if not isinstance(its, ClassOracle) or feature in its.attributes:
            return self
        names = its.extractor.class_features()
        return replace(self, classifier=ClassOracle(its.extractor, names)) if feature in names else self

    def oracle(self, feature: str, threshold: float) -> Oracle:
        """Return it as the oracle of one feature."""
        return Oracle(self.classifier, self.name, feature, threshold, self.weights, self.sha256)


class ClassOracle(Classifier):
    """An extractor as an oracle: each class is an attribute, whose score is its log odds; the cut is 0, even odds.

    ``names`` are other names of the classes, in order, such as ``digit=3`` for ``3``.
    """

    def __init__(self, extractor: Extractor, names: Sequence[str] | None = None) -> None:
        super().__init__(extractor.networks)
        self.extractor = extractor
        self.attributes = tuple(extractor.classes if names is None else names)
        self.cuts = dict.fromkeys(self.attributes, 0.0)

    @torch.no_grad()
    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        parts = [self.extractor.outputs(to_float(images[start:stop]))[1].cpu() for start, stop in chunks(len(images))]
        logits = torch.cat(parts).double()  # (N, K)
        columns = [self.attributes.index(name) for name in attributes]
        odds: NDArray[np.float64] = class_log_odds(logits, columns).numpy()
        return odds


def load_observer(registry: Registry, kind: str, name: str, weights: str | None) -> LoadedClassifier:
    """Load what can be an oracle: a classifier that measures, a trained one, or an extractor.

    Parameters
    ----------
    registry : Registry
    kind : str
        "classifiers" or "extractors".
    name : str
        As registered.
    weights : str or None
        Zoo name or file; None for a classifier that is not trained, and for an extractor with its usual weights.
    """
    if kind == "classifiers" and weights is None:
        return LoadedClassifier(name, registry.get(kind, name)())
    if kind == "classifiers":
        return load_classifier(registry, name, str(weights))
    extractor, sha256, learnt_on = _loaded_extractor(registry, name, weights or name)
    if len(extractor.classes) < 2:
        raise PluginError(
            f"extractor '{name}': has {'one class' if extractor.classes else 'no classes'}, and "
            "an oracle compares the odds of two or more. Name another oracle"
        )
    return LoadedClassifier(name, ClassOracle(extractor), _known_as(weights), sha256, learnt_on=learnt_on)


def load_classifier(registry: Registry, name: str, weights: str) -> LoadedClassifier:
    """Load a trained classifier, in eval mode, gradients off."""
    path = manifest.path_of(weights)
    stored = stored_for(path, "classifier", name)
    plugin_class = registry.get("classifiers", name, f"{path}")
    networks = networks_of(plugin_class(), stored, path)
    made_as(Tested, stored, path)
    accuracy, learnt_on = stored.description.get("accuracy", {}), _learnt_on(stored)
    return LoadedClassifier(name, plugin_class(networks), _known_as(weights), stored.sha256, accuracy, learnt_on)


def _learnt_on(stored: Checkpoint) -> str | None:
    """Return the data set that networks learnt from, if their weights say so."""
    source = stored.description.get("dataset")
    return source if isinstance(source, str) else None


def _known_as(weights: str | None) -> str | None:
    """Return weights as a record names them: the zoo name, or the file's whole path."""
    return weights if weights is None or weights in manifest.entries() else str(Path(weights).resolve())


def load_extractor(registry: Registry, name: str, weights: str | Path) -> tuple[Extractor, str]:
    """Load an extractor; returns it and the sha256 of its weights.

    Parameters
    ----------
    registry : Registry
    name : str
        As registered.
    weights : str or Path
        Zoo name or file of the weights of one that is trained. Its own name stands for its usual weights: those in the
        zoo, else those next to its file.
    """
    return _loaded_extractor(registry, name, weights)[:2]


def _loaded_extractor(registry: Registry, name: str, weights: str | Path) -> tuple[Extractor, str, str | None]:
    """Return an extractor, the sha256 of its weights, and the data set that it learnt from, if that is known."""
    plugin_class: type[Extractor] = registry.get("extractors", name, "--set evaluation.extractors")
    found = plugin_class.identity()
    if found is not None:
        return plugin_class(), found, None
    if not issubclass(plugin_class, Trainable):
        raise PluginError(
            f"extractor '{name}': has no training recipe and finds no weights by itself. Implement identity(), which "
            "returns the sha256 of what it computes with"
        )
    path = _beside(registry, name) if weights == name and name not in manifest.entries() else manifest.path_of(weights)
    stored = stored_for(path, "extractor", name)
    return plugin_class(networks_of(plugin_class(), stored, path)), stored.sha256, _learnt_on(stored)


def _beside(registry: Registry, name: str) -> Path:
    """Return the weights next to a plug-in's file; raises CheckpointError if none are, with what makes them."""
    source = registry.source("extractors", name).path
    path = Path(f"{name}.safetensors") if source is None else source.with_name(f"{name}.safetensors")
    if not path.is_file():
        raise MissingWeights(
            f"extractor '{name}': its weights, {path}, are missing. Train them with: bench pretrain --extractor {name} "
            f"--dataset NAME --out {path}; or use others: --set evaluation.extractors=NAME"
        )
    return path


def stored_oracle(registry: Registry, described: OracleMade | None, path: Path) -> Oracle | None:
    """Return the oracle that an unlearned generator still asks, loaded from the weights it was made with."""
    if described is None:
        return None
    name, its = described.name, f"{path}, its oracle"
    kind = next((kind for kind in OBSERVERS if name in registry.names(kind)), OBSERVERS[0])
    registry.source(kind, name, its)  # raises if it is not here
    try:
        loaded = load_observer(registry, kind, name, described.weights)
    except CheckpointError as error:
        raise CheckpointError(f"{its}: {error}") from error
    if loaded.sha256 != described.sha256:
        raise CheckpointError(
            f"{path}: the weights '{loaded.label}' of its oracle have changed since it was made "
            f"(their sha256 was {str(described.sha256)[:12]}...)"
        )
    loaded = loaded.named_as(described.feature)
    if described.feature not in loaded.classifier.attributes:
        raise CheckpointError(
            f"{its}: '{loaded.label}' does not know the feature '{shown(described.feature)}'. "
            f"{suggestion(described.feature, loaded.classifier.attributes)}"
        )
    return Oracle(loaded.classifier, **described.model_dump())
