"""The benchmark's measures of a set of pictures, each with its sampling error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from altered import Altered
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, Statistics, to_float
from bench.toolkit import estimates
from bench.toolkit.estimates import Estimate

BATCH = 250
Array = NDArray[np.floating]
Look = Callable[[Tensor], tuple[Array, ...]]  # (N, C, H, W) uint8 to arrays of N rows
Found = dict[str, Estimate]


class Eye:
    """Looks at pictures, and remembers what it has seen: most pictures of an altered set are the original's."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.seen: dict[bytes, tuple[Array, ...]] = {}

    def __call__(self, images: Tensor) -> tuple[Array, ...]:
        """Look at images (N, C, H, W) uint8."""
        names = [sha256(image.numpy().tobytes()).digest() for image in images]
        new = {name: i for i, name in enumerate(names) if name not in self.seen}
        for batch in torch.tensor(list(new.values()), dtype=torch.long).split(BATCH) if new else ():
            found = zip(*self.look(images[batch]), strict=True)
            self.seen |= zip([names[i] for i in batch.tolist()], found, strict=True)
        return tuple(np.stack(rows) for rows in zip(*(self.seen[name] for name in names), strict=True))


def of_extractor(outputs: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Look:
    """Return what shows uint8 images to an extractor."""

    def look(images: Tensor) -> tuple[Array, ...]:
        return tuple(part.cpu().numpy() for part in outputs(to_float(images)))

    return look


@dataclass(frozen=True)
class Embedded:
    """Distances and inception score in the embeddings of one extractor.

    Attributes
    ----------
    name : str
    eye : Eye
        Images to embeddings (N, D) and logits (N, K).
    references : dict of str to Statistics
        By metric, what its Frechet distance is from.
    kernel : KernelReference
    """

    name: str
    eye: Eye
    references: Mapping[str, Statistics]
    kernel: estimates.KernelReference

    def __call__(self, pictures: Altered) -> Found:
        embeddings, logits = self.eye(pictures.images)
        found = {name: estimates.frechet(embeddings, r, pictures.sources) for name, r in self.references.items()}
        found["kid"] = estimates.kernel_distance(embeddings, self.kernel, pictures.sources)
        found["inception_score"] = estimates.inception_score(logits, pictures.sources)
        return {f"{name}[{self.name}]": value for name, value in found.items()}


class Judged:
    """Shares of attributes that a judge sees, and how far they moved on average from those of the first set.

    Parameters
    ----------
    classifier : Classifier
    shown : sequence of str
        The attributes whose shares are reported; the mean is over all.
    """

    def __init__(self, classifier: Classifier, shown: tuple[str, ...]) -> None:
        self.classifier, self.shown, self.names = classifier, shown, tuple(classifier.attributes)
        self.eye = Eye(lambda images: (classifier.scores(images, self.names),))
        self.first: tuple[NDArray[np.float64], Altered] | None = None

    def __call__(self, pictures: Altered) -> Found:
        cuts = np.array([self.classifier.cuts[name] for name in self.names])
        has = (self.eye(pictures.images)[0] >= cuts).astype(np.float64)  # (N, A)
        self.first = self.first or (has, pictures)
        shares = {
            f"attribute_ratio[{name}]": estimates.mean(has[:, self.names.index(name)], pictures.sources)
            for name in self.shown
        }
        return shares | {"attribute_shift": _moved(has, pictures, *self.first)}


def _moved(has: NDArray[np.float64], now: Altered, had: NDArray[np.float64], before: Altered) -> Estimate:
    """Return the mean absolute move of all shares; its influence is that of the shares, with the signs of the moves."""
    moves = has.mean(0) - had.mean(0)
    a, b = (estimates.mean((each * np.sign(moves)).mean(1), s.sources) for each, s in ((has, now), (had, before)))
    influence = 2 * np.concatenate([a.influence, -b.influence])  # twice: the mean over both sets halves it
    return Estimate(float(np.abs(moves).mean()), influence, np.concatenate([a.sources, b.sources]))
