"""The resources that cells share: the registry, the store, the machine, and loaded networks and data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from bench.api import Dataset, Extractor
from bench.core.processes.watch import NONE, Limits
from bench.core.progress import Progress, silent
from bench.errors import CheckpointError, MissingWeights
from bench.registry import Registry
from bench.workspace.settings.suites import OracleSettings
from bench.workspace.store.store import Store
from bench.workspace.weights import checkpoint, loading, observers
from bench.workspace.weights.checkpoint import Checkpoint
from bench.workspace.weights.extractor_names import trained_on
from bench.workspace.weights.observers import LoadedClassifier, load_observer
from bench.workspace.weights.oracles import ROLES, Choice, choose
from bench.workspace.weights.placing import on_device

T = TypeVar("T")


@dataclass
class Workspace:
    """The resources that cells share: the registry, the store, the machine, the limits, and all that is loaded.

    Attributes
    ----------
    extractor_files : dict of str to Path
        Weights of extractors that are trained here (``faces-celeba``), by name.
    """

    registry: Registry
    store: Store
    device: torch.device
    data_dir: Path | None = None
    progress: Progress = field(default_factory=silent)
    limits: Limits = NONE
    extractor_files: dict[str, Path] = field(default_factory=dict)
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

    def oracles(
        self, dataset: str, settings: OracleSettings, feature: str, roles: Iterable[str] = tuple(ROLES)
    ) -> dict[str, LoadedClassifier]:
        """Return the oracles of a feature by role: those that the settings name, else the data set's own.

        A role that neither names is left out.

        Raises
        ------
        CheckpointError
            One for all weights that are missing, with the commands that make them; or weights that do not know the
            feature.
        UsageError
            If an oracle is not registered, or does not know the feature.
        """
        default, chosen, missing = self.dataset(dataset).classifier, {}, []
        for role in roles:
            try:
                chosen[role] = choose(self.registry, dataset, default, role, getattr(settings, role), settings.pretrain)
            except CheckpointError as error:
                missing.append(str(error))
        if missing:
            raise CheckpointError("\n".join(missing))
        return {role: self._oracle(choice, feature) for role, choice in chosen.items() if choice is not None}

    def extractor(self, name: str) -> tuple[Extractor, str]:
        """Return an extractor, on the workspace's device, and its weights' sha256."""
        return self.once(("extractor", name), lambda: self._load_extractor(name))

    def usual_extractors(self, dataset: str) -> tuple[str, ...]:
        """Return the data set's extractors whose weights are available; a note names the others."""
        return self.once(
            ("usual extractors", dataset), lambda: tuple(filter(self._has, self.dataset(dataset).extractors))
        )

    def _has(self, extractor: str) -> bool:
        try:
            self.extractor(extractor)
        except MissingWeights as error:
            self.progress.note(f"left out: {error}")
            return False
        return True

    def once(self, key: object, make: Callable[[], T]) -> T:
        """Return the result of ``make``, which runs on the first call only."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept

    def made_once(self, path: Path, key: str, make: Callable[[], object]) -> Checkpoint:
        """Return a checkpoint that all cells share; ``make`` writes it where there is none of this key.

        Other processes wait, so that one of them makes it.
        """
        with suppress(CheckpointError):
            if (stored := checkpoint.kept(path, key)) is not None:
                return stored
        with self.store.locked(path.parent / ".locks" / path.stem, self.progress.note):
            try:
                stored = checkpoint.kept(path, key)
            except CheckpointError as error:
                self.progress.note(f"{error} It is made again.")
                stored = None
            if stored is None:
                make()
        return stored or checkpoint.read(path)

    def _oracle(self, choice: Choice, feature: str) -> LoadedClassifier:
        loaded = self.once(("oracle", choice.kind, choice.name, choice.weights), lambda: self._load_oracle(choice))
        choice.require_knows(loaded, feature)
        return loaded.named_as(feature)

    def _load_oracle(self, choice: Choice) -> LoadedClassifier:
        loaded = load_observer(self.registry, choice.kind, choice.name, choice.weights)
        networks = loaded.classifier.networks
        for module in networks.modules().values() if networks is not None else ():
            module.to(self.device)
        return loaded

    def _load_extractor(self, name: str) -> tuple[Extractor, str]:
        trained = trained_on(self.registry, name)
        if trained is None:
            return on_device(observers.load_extractor(self.registry, name, name), self.device)
        if name not in self.extractor_files:
            raise MissingWeights(
                f"extractor '{name}': bench run, bench table and bench figure train it and know where its weights are. "
                "Here, name another extractor"
            )
        return on_device(
            observers.load_extractor(self.registry, trained.plugin, self.extractor_files[name]), self.device
        )

    def _load_original(self, model: str, weights: str) -> loading.Original:
        original = loading.load_original(self.registry, weights, model)
        for module in original.networks.modules().values():
            module.to(self.device)
        return original
