"""One pass over the evaluation samples: f and g draw every sample once, and every column is computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.api import Generator, Metric, Oracle
from bench.core.blocks import Blocks
from bench.core.progress import Progress
from bench.core.rendering import CHUNK, chunks, to_float, whole
from bench.evaluation.counterfactual import Remover, errors
from bench.evaluation.described import Described, Observers, read_arrays, write_arrays
from bench.evaluation.drawing import Pair, drawn
from bench.evaluation.looks import Looks

BLOCK = 16 * CHUNK  # samples whose images are held at once
OPTIONAL = ("identifier_scores", "counterfactual_error", "flagged")  # fields of Pass that may be None


@dataclass(frozen=True)
class Truth:
    """The network that shows the truth for the original's positive samples, and the oracle that finds these samples."""

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
        write_arrays(path, {**self.unlearned.arrays(), "pixel_change": self.pixel_change, **optional})

    @classmethod
    def load(cls, path: Path, seen: Described) -> Pass:
        """Read what ``save`` wrote; ``seen`` is kept apart from it."""
        arrays = read_arrays(path)
        scores, counterfactual_error, flagged = (arrays.get(name) for name in OPTIONAL)
        unlearned, change = Described.of_arrays(arrays), arrays["pixel_change"]
        return cls(seen.rows(0, len(change)), unlearned, scores, change, counterfactual_error, seen, flagged)


def unchanged(original: Generator, unlearned: nn.Module) -> bool:
    """Say whether two generators are the same: of one class, with equal weights, and drawing the same first chunk."""
    return same_weights(original, unlearned) and draws_alike(original, unlearned)


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    """Say whether two generators are of one class and have equal weights."""
    a, b = first.state_dict(), second.state_dict()
    return type(first) is type(second) and a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@torch.no_grad()
def draws_alike(original: Generator, unlearned: nn.Module) -> bool:
    """Say whether two generators draw the same first chunk.

    A hook or a plain attribute, which is not among the weights, may change what is drawn.
    """
    _, f_images, g_images = drawn(Pair(original, unlearned, CHUNK), 0, CHUNK)
    return torch.equal(f_images, g_images)


@torch.no_grad()
def run_pass(
    pair: Pair,
    observers: Observers,
    progress: Progress,
    *,
    identifier: nn.Module | None = None,
    cached: Described | None = None,
    truth: Truth | None = None,
    lookers: Mapping[str, Metric] | None = None,
    keep: Blocks | None = None,
) -> Pass:
    """Draw and describe the samples of a pair.

    Parameters
    ----------
    pair : Pair
    observers : Observers
        The classifiers and extractors that describe the images.
    progress : Progress
        It counts the samples.
    identifier : nn.Module, optional
        The method's; it scores f's latents.
    cached : Described, optional
        ``Pass.seen`` of an earlier pass over as many samples.
    truth : Truth, optional
        Given if the data set can redraw its images without the feature.
    lookers : mapping of str to Metric, optional
        Metrics that look at the images themselves.
    keep : Blocks, optional
        Where finished blocks are kept, so that a stopped pass resumes; unused if metrics look at images.
    """
    looks, blocks = Looks(lookers or {}), []
    kept, count = Blocks(None) if lookers or keep is None else keep, pair.count
    progress.start(count, label="evaluate")
    for start, stop in chunks(whole(count), BLOCK):
        block = kept.load(start)
        if block is None:
            latents, f_images, g_images = drawn(pair, start, stop)
            f_seen = cached.rows(start, stop) if cached is not None else observers.look(f_images)
            g_seen = f_seen if pair.same else observers.look(g_images)
            looks.look(f_images, g_images)
            block = {f"f {name}": array for name, array in f_seen.arrays().items()}
            block |= {f"g {name}": array for name, array in g_seen.arrays().items()}
            block["change"] = (to_float(f_images) - to_float(g_images)).abs().flatten(1).double().mean(1).numpy()
            if identifier is not None:
                block["identified"] = torch.cat([identifier(chunk).double().cpu() for chunk in latents]).numpy()
            if truth is not None:
                block["missed"] = truth.errors(f_images, g_images, f_seen)
            kept.save(start, block)
        blocks.append(block)
        progress.advance(min(stop, count) - start)
    progress.stop()
    return _joined(blocks, count, getattr(identifier, "threshold", None), looks)


def _joined(blocks: list[dict[str, NDArray[Any]]], count: int, threshold: Any, looks: Looks) -> Pass:
    found = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    seen, unlearned = (
        Described.of_arrays({n.removeprefix(who): array for n, array in found.items() if n.startswith(who)})
        for who in ("f ", "g ")
    )
    own_scores = found["identified"][:count] if "identified" in found else None
    return Pass(
        seen.rows(0, count),
        unlearned.rows(0, count),
        own_scores,
        found["change"][:count],
        found["missed"][:count] if "missed" in found else None,
        seen,
        None if own_scores is None or threshold is None else own_scores >= float(threshold),
        looks.found(count),
    )


@torch.no_grad()
def look_again(pair: Pair, progress: Progress, lookers: Mapping[str, Metric]) -> dict[str, NDArray[Any] | str]:
    """Draw the samples of ``run_pass`` once more, for metrics that look at images; returns ``Pass.looked``."""
    looks, count = Looks(lookers), pair.count
    progress.start(count, label="evaluate")
    for start, stop in chunks(whole(count), BLOCK):
        _, f_images, g_images = drawn(pair, start, stop)
        looks.look(f_images, g_images)
        progress.advance(min(stop, count) - start)
    progress.stop()
    return looks.found(count)
