"""What an oracle and extractors say about the samples of a generator."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, Extractor
from bench.core.files import write_bytes
from bench.core.rendering import chunks, to_float


@dataclass(frozen=True)
class Described:
    """What classifier and extractors say about one generator's samples, in sample order.

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
        """Return what ``arrays`` returned it from."""
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
        """Return what is said about some of the samples."""

        def cut(arrays: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
            return {name: array[start:stop] for name, array in arrays.items()}

        clicker = None if self.clicker_scores is None else self.clicker_scores[start:stop]
        return Described(self.scores[start:stop], cut(self.embeddings), cut(self.logits), clicker)


@dataclass(frozen=True)
class Observers:
    """What looks at the images: the judging classifier with all its attributes, the clicking one if it is another one,
    and extractors by name.
    """

    classifier: Classifier
    extractors: Mapping[str, Extractor]
    clicker: Classifier | None = None

    @torch.no_grad()
    def look(self, images: Tensor) -> Described:
        """Describe (N, C, H, W) uint8 images, 64 at a time; N is a multiple of 64."""
        scores: list[NDArray[np.float64]] = []
        clicker: list[NDArray[np.float64]] = []
        embeddings: dict[str, list[Tensor]] = {name: [] for name in self.extractors}
        logits: dict[str, list[Tensor]] = {name: [] for name in self.extractors}
        for start, stop in chunks(len(images)):
            chunk = images[start:stop]
            scores.append(self.classifier.scores(chunk, self.classifier.attributes))
            if self.clicker is not None:
                clicker.append(self.clicker.scores(chunk, self.clicker.attributes))
            for name, extractor in self.extractors.items():
                embedding, logit = extractor.outputs(to_float(chunk))
                embeddings[name].append(embedding.cpu())
                logits[name].append(logit.cpu())
        clicked = np.concatenate(clicker) if clicker else None
        return Described(np.concatenate(scores), _columns(embeddings), _columns(logits), clicked)


def _columns(parts: Mapping[str, list[Tensor]]) -> dict[str, NDArray[np.float32]]:
    return {name: torch.cat(found).numpy() for name, found in parts.items()}


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays to an npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read what ``write_arrays`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
