"""One pass over the evaluation samples: every sample is drawn once by f and once by g, and every column once."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.api import Classifier, Extractor, Generator, Oracle
from bench.core import randomness
from bench.core.files import write_bytes
from bench.core.progress import Progress
from bench.core.rendering import CHUNK, chunks, to_float, to_uint8, whole
from bench.evaluation.counterfactual import Remover, errors

BLOCK = 16 * CHUNK  # samples whose images are held at once


@dataclass(frozen=True)
class Described:
    """What classifier and extractors say about one generator's samples, in sample order.

    Attributes
    ----------
    scores : (N, A) float64
        One column per attribute of the classifier.
    embeddings, logits : dict of str to (N, D), (N, K) float32
        Per extractor.
    """

    scores: NDArray[np.float64]
    embeddings: dict[str, NDArray[np.float32]]
    logits: dict[str, NDArray[np.float32]]

    def save(self, path: Path) -> None:
        """Write to an npz file."""
        arrays: dict[str, Any] = {"scores": self.scores}
        arrays |= {f"embeddings {name}": array for name, array in self.embeddings.items()}
        arrays |= {f"logits {name}": array for name, array in self.logits.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Described:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        parts = {
            kind: {name.split(" ", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{kind} ")}
            for kind in ("embeddings", "logits")
        }
        return cls(arrays["scores"], parts["embeddings"], parts["logits"])

    def rows(self, start: int, stop: int) -> Described:
        """Return what is said about some of the samples."""

        def cut(arrays: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
            return {name: array[start:stop] for name, array in arrays.items()}

        return Described(self.scores[start:stop], cut(self.embeddings), cut(self.logits))


@dataclass(frozen=True)
class Observers:
    """What looks at the images: one classifier with all its attributes, and extractors by name."""

    classifier: Classifier
    extractors: Mapping[str, Extractor]

    @torch.no_grad()
    def look(self, images: Tensor) -> Described:
        """Describe (N, C, H, W) uint8 images, 64 at a time; N is a multiple of 64."""
        scores: list[NDArray[np.float64]] = []
        embeddings: dict[str, list[Tensor]] = {name: [] for name in self.extractors}
        logits: dict[str, list[Tensor]] = {name: [] for name in self.extractors}
        for start, stop in chunks(len(images)):
            chunk = images[start:stop]
            scores.append(self.classifier.scores(chunk, self.classifier.attributes))
            for name, extractor in self.extractors.items():
                embedding, logit = extractor.outputs(to_float(chunk))
                embeddings[name].append(embedding.cpu())
                logits[name].append(logit.cpu())
        return Described(np.concatenate(scores), _columns(embeddings), _columns(logits))


@dataclass(frozen=True)
class Truth:
    """What the original's positive samples should become, and the oracle that decides which samples are positive."""

    remover: Remover
    oracle: Oracle

    def errors(self, f_images: Tensor, g_images: Tensor, f_seen: Described) -> NDArray[np.float64]:
        """Return ``errors`` for the positives among (N, C, H, W) uint8 images, NaN for all others; (N, 2) float64."""
        target = self.oracle.classifier.attributes.index(self.oracle.feature)
        positive = torch.from_numpy(f_seen.scores[:, target] >= self.oracle.threshold)
        found = torch.full((len(f_images), 2), torch.nan, dtype=torch.float64)
        for start, stop in chunks(len(f_images)):
            rows = start + torch.nonzero(positive[start:stop])[:, 0]
            found[rows] = errors(self.remover, f_images[rows], g_images[rows])
        return found.numpy()


@dataclass(frozen=True)
class Pass:
    """The outcome of one pass: both generators described and compared.

    Attributes
    ----------
    original, unlearned : Described
    identifier_scores : (N,) float64 or None
        The identifier on the original's latents; None if the method has no identifier.
    pixel_change : (N,) float64
        Mean |g - f| over the pixels of an image, for 8-bit images scaled to [0, 1].
    counterfactual_error : (N, 2) float64 or None
        As in ``Columns``.
    seen : Described or None
        The original's description in whole chunks, a few samples more than N: what a later pass takes as ``cached``.
    """

    original: Described
    unlearned: Described
    identifier_scores: NDArray[np.float64] | None
    pixel_change: NDArray[np.float64]
    counterfactual_error: NDArray[np.float64] | None = None
    seen: Described | None = None


@torch.no_grad()
def run_pass(
    original: Generator,
    unlearned: Generator,
    identifier: nn.Module | None,
    observers: Observers,
    count: int,
    progress: Progress,
    cached: Described | None = None,
    truth: Truth | None = None,
) -> Pass:
    """Draw and describe ``count`` samples of the evaluation stream.

    The last chunk is drawn and described whole, and what exceeds ``count`` is left out of the result.

    Parameters
    ----------
    original, unlearned : Generator
        f and g. If their weights are equal, only f draws.
    identifier : nn.Module or None
        The method's; it scores f's latents.
    observers : Observers
    count : int
    progress : Progress
    cached : Described, optional
        ``Pass.seen`` of an earlier pass over as many samples.
    truth : Truth, optional
        Given if the data set can redraw its images without the feature.
    """
    device = next(original.parameters()).device
    same = _same_weights(original, unlearned)
    parts: list[tuple[Described, Described]] = []
    identifier_scores: list[Tensor] = []
    changes: list[Tensor] = []
    misses: list[NDArray[np.float64]] = []
    progress.start(count, label="evaluate")
    for start, stop in chunks(whole(count), BLOCK):
        before, after = [], []
        for a, b in chunks(stop - start):
            noise = randomness.draw(randomness.EVALUATION, range(start + a, start + b), original.noise_dim).to(device)
            latents, images = original.sample(noise)
            before.append(to_uint8(images))
            after.append(before[-1] if same else to_uint8(unlearned(noise)))
            if identifier is not None:
                identifier_scores.append(identifier(latents).double().cpu())
        f_images, g_images = torch.cat(before), torch.cat(after)
        changes.append((to_float(f_images) - to_float(g_images)).abs().flatten(1).double().mean(1))
        f_seen = cached.rows(start, stop) if cached is not None else observers.look(f_images)
        parts.append((f_seen, f_seen if same else observers.look(g_images)))
        if truth is not None:
            misses.append(truth.errors(f_images, g_images, f_seen))
        progress.advance(min(stop, count) - start)
    progress.stop()
    seen = _join([f for f, _ in parts])
    return Pass(
        seen.rows(0, count),
        _join([g for _, g in parts]).rows(0, count),
        torch.cat(identifier_scores).numpy()[:count] if identifier_scores else None,
        torch.cat(changes).numpy()[:count],
        np.concatenate(misses)[:count] if misses else None,
        seen,
    )


def _columns(parts: Mapping[str, list[Tensor]]) -> dict[str, NDArray[np.float32]]:
    return {name: torch.cat(found).numpy() for name, found in parts.items()}


def _join(parts: list[Described]) -> Described:
    def joined(pick: list[dict[str, NDArray[np.float32]]]) -> dict[str, NDArray[np.float32]]:
        return {name: np.concatenate([part[name] for part in pick]) for name in pick[0]}

    return Described(
        np.concatenate([part.scores for part in parts]),
        joined([part.embeddings for part in parts]),
        joined([part.logits for part in parts]),
    )


def _same_weights(first: Generator, second: Generator) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return type(first) is type(second) and a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
