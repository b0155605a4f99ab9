"""What cells share: the registry, the store, the machine, and what is already loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from bench.api import Dataset, Extractor, Oracle, Trainable
from bench.core.progress import Progress, silent
from bench.errors import CheckpointError, UsageError
from bench.registry import Registry
from bench.workspace import loading, manifest, observers
from bench.workspace.store import Store
from bench.workspace.suites import OracleSettings
from bench.workspace.values import assignments

T = TypeVar("T")

COPIES = {"feedback": ("a", 0), "evaluation": ("b", 1)}  # last letter of the default name; seed of the training


@dataclass(frozen=True)
class Oracles:
    """The copy of a classifier that gives feedback, and the one that judges; the same one if it is untrained."""

    feedback: observers.LoadedClassifier
    evaluation: observers.LoadedClassifier

    def of(self, feature: str, threshold: float) -> tuple[Oracle, Oracle]:
        """Return the oracle that clicks on a feature and the one that judges it.

        The first has ``threshold``, which is stored with the feedback. The second has its own cut; if the positives are
        by definition the top fraction of the feedback's samples, it has ``threshold`` too.
        """
        judge = self.evaluation.classifier
        own = threshold if judge.top_fraction is not None else judge.cuts[feature]
        return self.feedback.oracle(feature, threshold), self.evaluation.oracle(feature, own)


@dataclass
class Workspace:
    """What cells share: the registry, the store, the machine, and what is already loaded."""

    registry: Registry
    store: Store
    device: torch.device
    data_dir: Path | None = None
    progress: Progress = field(default_factory=silent)
    _kept: dict[Any, Any] = field(default_factory=dict)

    def original(self, model: str, weights: str) -> loading.Original:
        """Load an original generator, once."""
        return self.once(("original", model, weights), lambda: self._load_original(model, weights))

    def dataset(self, name: str) -> Dataset:
        """Return a data set; it reads nothing until a split is requested."""
        found: Dataset = self.once(
            ("dataset", name), lambda: self.registry.get("datasets", name, "--dataset")(self.data_dir)
        )
        return found

    def oracles(self, dataset: str, settings: OracleSettings) -> Oracles:
        """Return a data set's simulated oracles: the two copies that the settings name, or those of the default names.

        Raises
        ------
        CheckpointError
            If weights are missing, with the command that makes them, or do not know the data set's features.
        UsageError
            If weights are named for an untrained classifier, or the data set has no oracle.
        """
        name = self.dataset(dataset).classifier
        if name is None:
            raise UsageError(f"--dataset {dataset}: this data set has no oracle. Choose one that has")
        if issubclass(self.registry.get("classifiers", name), Trainable):
            chosen = {"feedback": settings.feedback, "evaluation": settings.evaluation}
            self._require_oracles(dataset, name, chosen, settings.pretrain)
            return Oracles(**{role: self._trained_oracle(dataset, name, role, w) for role, w in chosen.items()})
        if settings.feedback or settings.evaluation:
            raise UsageError(
                f"--set oracle.feedback, oracle.evaluation: '{name}' is not trained and has no weights. Leave both out"
            )
        measure = self.once(
            ("classifier", name), lambda: observers.LoadedClassifier(name, self.registry.get("classifiers", name)())
        )
        return Oracles(measure, measure)

    def extractor(self, name: str) -> tuple[Extractor, str]:
        """Return an extractor and its weights' sha256."""
        return self.once(("extractor", name), lambda: observers.load_extractor(self.registry, name, name))

    def once(self, key: object, make: Callable[[], T]) -> T:
        """Return the result of ``make``, which runs on the first call only."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept

    def _require_oracles(
        self, dataset: str, name: str, chosen: Mapping[str, str | None], recipe: Mapping[str, Any]
    ) -> None:
        """Raise one CheckpointError for all copies with missing weights."""
        missing, fields = [], "".join(f" -p {field}" for field in assignments(recipe))
        for role, weights in chosen.items():
            trained_by = f"--classifier {name} --dataset {dataset} --seed {COPIES[role][1]}{fields}"
            try:
                manifest.require(
                    _copy_weights(dataset, name, role, weights),
                    f"{role} oracle of '{dataset}'",
                    trained_by,
                    f"--set oracle.{role}=FILE",
                )
            except CheckpointError as error:
                missing.append(str(error))
        if missing:
            raise CheckpointError("\n".join(missing))

    def _trained_oracle(self, dataset: str, name: str, role: str, weights: str | None) -> observers.LoadedClassifier:
        chosen = _copy_weights(dataset, name, role, weights)
        return self.once(("classifier", name, chosen), lambda: self._load_oracle(dataset, name, chosen))

    def _load_oracle(self, dataset: str, name: str, weights: str) -> observers.LoadedClassifier:
        loaded = observers.load_classifier(self.registry, name, weights)
        if missing := set(self.dataset(dataset).features) - set(loaded.classifier.attributes):
            raise CheckpointError(
                f"{weights}: does not know {', '.join(sorted(missing))}, a feature of the data set '{dataset}'. "
                "Was it trained on another data set?"
            )
        if loaded.classifier.networks is not None:
            for module in loaded.classifier.networks.modules().values():
                module.to(self.device)
        return loaded

    def _load_original(self, model: str, weights: str) -> loading.Original:
        original = loading.load_original(self.registry, weights, model)
        for module in original.networks.modules().values():
            module.to(self.device)
        return original


def _copy_weights(dataset: str, name: str, role: str, weights: str | None) -> str:
    """Return the weights of one of the two copies; by default its shipped name."""
    return weights or f"{name}-{dataset}-{COPIES[role][0]}"
