"""The clicking and the judging oracle: each a measuring classifier, trained weights, or an extractor's classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bench.api import Oracle, Trainable
from bench.errors import CheckpointError, UsageError, suggestion
from bench.registry import Registry
from bench.workspace import manifest
from bench.workspace.settings.values import assignments
from bench.workspace.weights import checkpoint
from bench.workspace.weights.observers import OBSERVERS, LoadedClassifier

ROLES: Mapping[str, tuple[str, int]] = {  # last letter of the default weights' name, and seed of their training
    "feedback": ("a", 0),
    "evaluation": ("b", 1),
}


@dataclass(frozen=True)
class Oracles:
    """The oracle that gives feedback, and the one that judges."""

    feedback: LoadedClassifier
    evaluation: LoadedClassifier

    def of(self, feature: str, threshold: float) -> tuple[Oracle, Oracle]:
        """Return the oracle that clicks on a feature and the one that judges it.

        The first has ``threshold``, which is stored with the feedback. The second has its own cut. If both are of one
        plug-in whose positives are the top fraction of the feedback's samples, it has ``threshold`` too; the scores of
        another plug-in are on another scale.
        """
        judge = self.evaluation.classifier
        alike = self.feedback.name == self.evaluation.name
        own = threshold if alike and judge.top_fraction is not None else judge.cuts[feature]
        return self.feedback.oracle(feature, threshold), self.evaluation.oracle(feature, own)


def without_folders(text: str, oracles: Oracles) -> str:
    """Name weights files in a text by their stems: it is read on other machines, and the record has path and hash."""
    for loaded in (oracles.feedback, oracles.evaluation):
        if loaded.weights is not None:
            text = text.replace(loaded.weights, Path(loaded.weights).stem)
    return text


@dataclass(frozen=True)
class Choice:
    """The plug-in of a role, and its weights.

    Attributes
    ----------
    kind : str
        "classifiers" or "extractors".
    name : str
        As registered.
    weights : str or None
        Zoo name or file; None for a classifier that is not trained, and for an extractor without its own file.
    said : str
        Where it was named, for errors.
    """

    kind: str
    name: str
    weights: str | None
    said: str

    def require_knows(self, loaded: LoadedClassifier, feature: str) -> None:
        """Raise an error unless the oracle scores a feature and has a cut for it."""
        if feature not in loaded.features:
            kind = UsageError if self.weights is None else CheckpointError
            what = f"the oracle '{loaded.label}' does not know the feature '{feature}'"
            raise kind(f"{self.said}: {what}. {suggestion(feature, loaded.features)}")


def choose(
    registry: Registry, dataset: str, default: str | None, role: str, named: str | None, recipe: Mapping[str, Any]
) -> Choice | None:
    """Choose the oracle of a role.

    Parameters
    ----------
    registry : Registry
    dataset : str
        Registered name of the data set.
    default : str or None
        The data set's own oracle, a classifier or an extractor.
    role : str
        "feedback" or "evaluation".
    named : str or None
        What ``oracle.feedback`` or ``oracle.evaluation`` says: a classifier, an extractor, or weights of either.
    recipe : mapping of str to Any
        ``oracle.pretrain``: fields in the command that trains missing weights.

    Returns
    -------
    Choice or None
        None if neither the data set nor the settings name one.

    Raises
    ------
    UsageError
        If the data set's own oracle is not registered.
    CheckpointError
        If weights are missing, with the command that makes them, or are of something that cannot be an oracle.
    """
    if named is not None and not named.strip():
        raise UsageError(f"--set oracle.{role}: is empty. Name a classifier, an extractor, or weights of either")
    name, said = named or default, f"--set oracle.{role}={named}" if named else f"data set '{dataset}'"
    if name is None:
        return None
    kind = next((kind for kind in OBSERVERS if name in registry.names(kind)), None)
    if kind is None and named is None:
        registry.source("classifiers", name, f"{said}, its classifier")  # raises, with the nearest name
    if kind == "extractors" or (kind and not _is_trained(registry, name, said)):
        return Choice(kind, name, None, said)
    letter, seed = ROLES[role]
    weights = f"{name}-{dataset}-{letter}" if kind else name
    trained = name if kind else default if default and _is_trained(registry, default, said) else "NAME"
    trained_on = f"--classifier {trained} --dataset {dataset if default else 'NAME'}"
    fields = "".join(f" -p {field}" for field in assignments(recipe))
    instead = f"--set oracle.{role}=FILE{_nearest(registry, name) if kind is None else ''}"
    manifest.require(weights, f"{role} oracle of '{dataset}'", f"{trained_on} --seed {seed}{fields}", instead)
    return Choice(kind, name, weights, said) if kind else _of_weights(weights, said)


def _is_trained(registry: Registry, name: str, said: str) -> bool:
    """Say whether a name is a classifier's that has a training recipe."""
    return name in registry.names("classifiers") and issubclass(registry.get("classifiers", name, said), Trainable)


def _of_weights(weights: str, said: str) -> Choice:
    path = manifest.path_of(weights)
    stored = checkpoint.read(path)
    if stored.kind not in ("classifier", "extractor"):
        raise CheckpointError(
            f"{said}: {path} holds the {stored.kind} '{stored.name}'; an oracle is a classifier or an extractor"
        )
    return Choice(f"{stored.kind}s", stored.name, weights, said)


def _nearest(registry: Registry, name: str) -> str:
    """Return the plug-in whose name is near, as a question; "" for what looks like a file."""
    known: Iterable[str] = [*registry.names("classifiers"), *registry.names("extractors"), *manifest.entries()]
    near = get_close_matches(name, known, n=1) if Path(name).suffix == "" else []
    return f". Did you mean '{near[0]}'?" if near else ""
