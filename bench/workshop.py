"""What cells share: the registry, the store, the machine, and what is already loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from bench import keys, zoo
from bench.api import Classifier, Dataset, Extractor, Split, Statistics
from bench.files import write_atomically
from bench.progress import Progress, silent
from bench.registry import Registry
from bench.rendering import chunks
from bench.store import Store

T = TypeVar("T")


@dataclass
class Workshop:
    """What cells share: the registry, the store, the machine, and what is already loaded."""

    registry: Registry
    store: Store
    device: torch.device
    data_dir: Path | None = None
    progress: Progress = field(default_factory=silent)
    _kept: dict[Any, Any] = field(default_factory=dict)

    def original(self, model: str, weights: str) -> zoo.Original:
        """Load an original generator, once."""
        return self._once(("original", model, weights), lambda: self._load_original(model, weights))

    def dataset(self, name: str) -> Dataset:
        """Return a data set; nothing is read before a split is asked for."""
        found: Dataset = self._once(
            ("dataset", name), lambda: self.registry.get("datasets", name, "--dataset")(self.data_dir)
        )
        return found

    def classifier(self, name: str) -> Classifier:
        """Return the oracle's classifier."""
        found: Classifier = self._once(("classifier", name), lambda: self.registry.get("classifiers", name)())
        return found

    def extractor(self, name: str) -> tuple[Extractor, str]:
        """Return an extractor and its weights' sha256."""
        return self._once(("extractor", name), lambda: zoo.load_extractor(self.registry, name, name))

    def references(self, dataset: str, extractor: str) -> dict[str, Statistics]:
        """Return reference statistics of a data set by subset: shipped, or made here once from the data set."""
        return self._once(("references", dataset, extractor), lambda: self._references(dataset, extractor))

    def references_identity(self, dataset: str, extractor: str) -> list[str]:
        """Say which reference statistics would be used, without making any: part of a cell's key."""
        entry = zoo.entries().get(f"{dataset}-{extractor}-statistics")
        return [dataset, "made here" if entry is None else entry.sha256]

    def target_mask(self, split: Split, classifier_name: str, feature: str) -> NDArray[np.bool_]:
        """Return which training images have a feature, by the training set's own cut (Table 1, ``retrain``).

        The classifier's scores of the whole split are kept in the store: (N,) float64.
        """
        classifier = self.classifier(classifier_name)
        key = keys.digest([split.sha256, classifier_name, keys.code_of(type(classifier)), feature])
        folder = self.store.stage("training-scores", key)
        path = folder / "scores.npy"
        with self.store.locked(folder):
            if not path.exists():
                scores = self._score_split(split, classifier, feature)
                with write_atomically(path) as file:
                    np.save(file, scores, allow_pickle=False)
        mask: NDArray[np.bool_] = np.load(path, allow_pickle=False) >= classifier.cuts[feature]
        return mask

    def _score_split(self, split: Split, classifier: Classifier, feature: str) -> NDArray[np.float64]:
        self.progress.start(len(split), label=f"measure {feature} of the training images")
        parts = []
        for start, stop in chunks(len(split), 1024):
            parts.append(classifier.scores(split.read(np.arange(start, stop)), [feature])[:, 0])
            self.progress.advance(stop - start)
        self.progress.stop()
        return np.concatenate(parts)

    def _references(self, dataset: str, extractor: str) -> dict[str, Statistics]:
        from bench.reference import write_statistics

        sha = self.extractor(extractor)[1]
        name = f"{dataset}-{extractor}-statistics"
        if name in zoo.entries():
            return zoo.load_statistics(name, sha)
        path = self.store.root.parent / "statistics" / f"{name}-{sha[:8]}.safetensors"
        if not path.exists():
            write_statistics(self, dataset, extractor, path)
        return zoo.load_statistics(path, sha)

    def _load_original(self, model: str, weights: str) -> zoo.Original:
        original = zoo.load_original(self.registry, weights, model)
        for module in original.networks.modules().values():
            module.to(self.device)
        return original

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept
