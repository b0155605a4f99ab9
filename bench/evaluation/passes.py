"""One pass over the evaluation samples: every sample is drawn once by f and once by g, and every column once."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.api import Classifier, Extractor, Generator, Metric, Oracle
from bench.api.noise import stream_noise
from bench.core import randomness
from bench.core.files import write_bytes
from bench.core.progress import Progress
from bench.core.rendering import CHUNK, chunks, to_float, to_uint8, whole
from bench.evaluation.counterfactual import Remover, errors
from bench.evaluation.looks import Looks

BLOCK = 16 * CHUNK  # samples whose images are held at once
OPTIONAL = ("identifier_scores", "counterfactual_error", "flagged")  # fields of Pass that may be None


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

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays."""
        arrays: dict[str, NDArray[Any]] = {"scores": self.scores}
        arrays |= {f"embeddings {name}": array for name, array in self.embeddings.items()}
        return arrays | {f"logits {name}": array for name, array in self.logits.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Described:
        """Return what ``arrays`` returned it from."""
        parts = {
            kind: {name.split(" ", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{kind} ")}
            for kind in ("embeddings", "logits")
        }
        return cls(arrays["scores"], parts["embeddings"], parts["logits"])

    def save(self, path: Path) -> None:
        """Write to an npz file."""
        _write_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: Path) -> Described:
        """Read what ``save`` wrote."""
        return cls.of_arrays(_read_arrays(path))

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
    counterfactual_error, flagged
        As in ``Columns``.
    seen : Described or None
        The original's description in whole chunks, a few samples more than N: what a later pass takes as ``cached``.
    looked : mapping of str to (N, ...) or str
        By metric, what its ``look`` returned of all images, or why it returned nothing.
    """

    original: Described
    unlearned: Described
    identifier_scores: NDArray[np.float64] | None
    pixel_change: NDArray[np.float64]
    counterfactual_error: NDArray[np.float64] | None = None
    seen: Described | None = None
    flagged: NDArray[np.bool_] | None = None
    looked: Mapping[str, NDArray[Any] | str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write all but the original's description and what metrics saw to an npz file."""
        optional = {name: getattr(self, name) for name in OPTIONAL if getattr(self, name) is not None}
        _write_arrays(path, {**self.unlearned.arrays(), "pixel_change": self.pixel_change, **optional})

    @classmethod
    def load(cls, path: Path, seen: Described) -> Pass:
        """Read what ``save`` wrote; ``seen`` is kept apart from it."""
        arrays = _read_arrays(path)
        scores, counterfactual_error, flagged = (arrays.get(name) for name in OPTIONAL)
        unlearned, change = Described.of_arrays(arrays), arrays["pixel_change"]
        return cls(seen.rows(0, len(change)), unlearned, scores, change, counterfactual_error, seen, flagged)


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    """Say whether two generators are of one class and have equal weights."""
    a, b = first.state_dict(), second.state_dict()
    return type(first) is type(second) and a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@torch.no_grad()
def run_pass(
    original: Generator,
    unlearned: nn.Module,
    identifier: nn.Module | None,
    observers: Observers,
    count: int,
    progress: Progress,
    cached: Described | None = None,
    truth: Truth | None = None,
    lookers: Mapping[str, Metric] | None = None,
    same: bool = False,
) -> Pass:
    """Draw and describe ``count`` samples of the evaluation stream.

    Parameters
    ----------
    original : Generator
        f.
    unlearned : nn.Module
        g: noise (N, noise_dim) to images.
    identifier : nn.Module or None
        The method's; it scores f's latents.
    count : int
        The last chunk is drawn and described whole; what exceeds ``count`` is left out of the result.
    cached : Described, optional
        ``Pass.seen`` of an earlier pass over as many samples.
    truth : Truth, optional
        Given if the data set can redraw its images without the feature.
    lookers : mapping of str to Metric, optional
        Metrics that look at the images themselves.
    same : bool, optional
        Whether g has f's weights (``same_weights``): then only f draws.
    """
    looks = Looks(lookers or {})
    parts: list[tuple[Described, Described]] = []
    identifier_scores: list[Tensor] = []
    changes: list[Tensor] = []
    misses: list[NDArray[np.float64]] = []
    for start, stop, latents, f_images, g_images in _drawn(original, unlearned, count, progress, same):
        if identifier is not None:
            identifier_scores += [identifier(chunk).double().cpu() for chunk in latents]
        changes.append((to_float(f_images) - to_float(g_images)).abs().flatten(1).double().mean(1))
        f_seen = cached.rows(start, stop) if cached is not None else observers.look(f_images)
        parts.append((f_seen, f_seen if same else observers.look(g_images)))
        if truth is not None:
            misses.append(truth.errors(f_images, g_images, f_seen))
        looks.look(f_images, g_images)
    seen, threshold = _join([f for f, _ in parts]), getattr(identifier, "threshold", None)
    own_scores = torch.cat(identifier_scores).numpy()[:count] if identifier_scores else None
    return Pass(
        seen.rows(0, count),
        _join([g for _, g in parts]).rows(0, count),
        own_scores,
        torch.cat(changes).numpy()[:count],
        np.concatenate(misses)[:count] if misses else None,
        seen,
        None if own_scores is None or threshold is None else own_scores >= float(threshold),
        looks.found(count),
    )


@torch.no_grad()
def look_again(
    original: Generator,
    unlearned: nn.Module,
    count: int,
    progress: Progress,
    lookers: Mapping[str, Metric],
    same: bool = False,
) -> dict[str, NDArray[Any] | str]:
    """Draw the samples of ``run_pass`` once more, for metrics that look at images; returns ``Pass.looked``."""
    looks = Looks(lookers)
    for _, _, _, f_images, g_images in _drawn(original, unlearned, count, progress, same):
        looks.look(f_images, g_images)
    return looks.found(count)


def _drawn(
    original: Generator, unlearned: nn.Module, count: int, progress: Progress, same: bool
) -> Iterator[tuple[int, int, list[Tensor], Tensor, Tensor]]:
    """Yield blocks of the evaluation stream: their range, f's latents by chunk, and the images of f and g (uint8)."""
    progress.start(count, label="evaluate")
    for start, stop in chunks(whole(count), BLOCK):
        chunk_latents, before, after = [], [], []
        for a, b in chunks(stop - start):
            noise = stream_noise(original, randomness.EVALUATION, start + a, start + b)
            latents, images = original.sample(noise)
            chunk_latents.append(latents)
            before.append(to_uint8(images))
            after.append(before[-1] if same else to_uint8(unlearned(noise)))
        yield start, stop, chunk_latents, torch.cat(before), torch.cat(after)
        progress.advance(min(stop, count) - start)
    progress.stop()


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


def _write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
