"""Scores, embeddings and logits of a generator's samples, from oracles and extractors."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, Extractor
from bench.core.files import write_bytes
from bench.core.memory import Arrays, Memory
from bench.core.rendering import chunks, to_float

JUDGE, CLICKER, EXTRACTOR = "judge", "clicker", "extractor"  # who looks, in the names of memories


@dataclass(frozen=True)
class Described:
    """Scores, embeddings and logits of one generator's samples, in sample order.

    Attributes
    ----------
    scores : (N, A) float64
        One column per attribute of the classifier.
    embeddings, logits : dict of str to (N, D), (N, K) float32
        Per extractor.
    clicker_scores : (N, B) float64 or None
        One column per attribute of the classifier that clicked, if it is another one.
    """

    scores: NDArray[np.float64]
    embeddings: dict[str, NDArray[np.float32]]
    logits: dict[str, NDArray[np.float32]]
    clicker_scores: NDArray[np.float64] | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays."""
        arrays: dict[str, NDArray[Any]] = {"scores": self.scores}
        arrays |= {} if self.clicker_scores is None else {"clicker_scores": self.clicker_scores}
        arrays |= {f"embeddings {name}": array for name, array in self.embeddings.items()}
        return arrays | {f"logits {name}": array for name, array in self.logits.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Described:
        """Build a description from the arrays that ``arrays`` returned."""
        parts = {
            kind: {name.split(" ", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{kind} ")}
            for kind in ("embeddings", "logits")
        }
        return cls(arrays["scores"], parts["embeddings"], parts["logits"], arrays.get("clicker_scores"))

    def save(self, path: Path) -> None:
        """Write to an npz file."""
        write_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: Path) -> Described:
        """Read what ``save`` wrote."""
        return cls.of_arrays(read_arrays(path))

    def rows(self, start: int, stop: int) -> Described:
        """Return the description of samples ``start`` to ``stop - 1``."""

        def cut(arrays: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
            return {name: array[start:stop] for name, array in arrays.items()}

        clicker = None if self.clicker_scores is None else self.clicker_scores[start:stop]
        return Described(self.scores[start:stop], cut(self.embeddings), cut(self.logits), clicker)


@dataclass(frozen=True)
class Observers:
    """The classifiers and extractors that describe images: one classifier with all its attributes, extractors by name.

    Attributes
    ----------
    classifier : Classifier
        It judges.
    extractors : dict of str to Extractor
    memories : dict of str to Memory
        What the judge (``JUDGE``), the one that clicked (``CLICKER``) and extractors (``extractor NAME``) said of
        images before, where that is kept.
    clicker : Classifier or None
        The one that clicked, if it is another one.
    """

    classifier: Classifier
    extractors: Mapping[str, Extractor]
    memories: Mapping[str, Memory] = field(default_factory=dict)
    clicker: Classifier | None = None

    @torch.no_grad()
    def look(self, images: Tensor) -> Described:
        """Describe (N, C, H, W) uint8 images, 64 at a time; N is a multiple of 64."""
        scores = self._said(JUDGE, images, partial(_scores, self.classifier))["scores"]
        said = {
            name: self._said(f"{EXTRACTOR} {name}", images, partial(_outputs, each))
            for name, each in self.extractors.items()
        }
        clicker = (
            None if self.clicker is None else self._said(CLICKER, images, partial(_scores, self.clicker))["scores"]
        )
        embeddings, logits = ({name: of[kind] for name, of in said.items()} for kind in ("embeddings", "logits"))
        return Described(scores, embeddings, logits, clicker)

    def _said(self, observer: str, images: Tensor, look: Callable[[Tensor], Arrays]) -> Arrays:
        if observer not in self.memories:
            return look(images)
        return self.memories[observer](images.cpu().numpy(), partial(look, images))


def _scores(classifier: Classifier, images: Tensor) -> Arrays:
    parts = [classifier.scores(images[start:stop], classifier.attributes) for start, stop in chunks(len(images))]
    return {"scores": np.concatenate(parts)}


def _outputs(extractor: Extractor, images: Tensor) -> Arrays:
    pairs = [extractor.outputs(to_float(images[start:stop])) for start, stop in chunks(len(images))]
    embeddings, logits = (torch.cat([part.cpu() for part in parts]).numpy() for parts in zip(*pairs, strict=True))
    return {"embeddings": embeddings, "logits": logits}


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays to an npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what ``write_arrays`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
