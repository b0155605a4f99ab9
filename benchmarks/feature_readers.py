"""Readers that count a feature in the same samples before and after unlearning, for ``fools_or_removes.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, chunks, seed_of, to_float, to_uint8
from bench.evaluation import learnt_judge
from bench.toolkit.augmentation import blurred
from bench.toolkit.image_surrogate import ImageSurrogate
from bench.toolkit.intervals import wilson

Scores = NDArray[np.float64]
RIDGE = 0.03  # penalty of the linear reader, in mean squares of a pixel of its inputs
NOISE = 0.05  # standard deviation of the noise on noisy copies, of images in [0, 1]
ALTERED = 4000  # samples that are read altered


@dataclass(frozen=True)
class Reader:
    """Scores images, and sees the feature from a cut on.

    Attributes
    ----------
    name : str
    score : callable
        (N, C, H, W) uint8 images -> (N,) float64, larger meaning more of the feature.
    cut : float or None
        The score from which it sees the feature; None: where it sees ``share`` of the original's samples.
    share : float
    alter : callable or None
        What is done to the images first.
    count : int or None
        How many samples it reads; by default all.
    """

    name: str
    score: Callable[[Tensor], Scores]
    cut: float | None = None
    share: float = 0.1
    alter: Callable[[Tensor], Tensor] | None = None
    count: int | None = None

    def scores(self, images: Tensor) -> Scores:
        """Return the scores of images (N, C, H, W) uint8, or of the first ``count``."""
        read = images[: self.count]
        return self.score(read if self.alter is None else self.alter(read))

    def above(self, scores: Scores) -> float:
        """Return the cut, given the scores of the original's samples."""
        if self.cut is not None:
            return self.cut
        return float(np.sort(scores)[-max(1, round(self.share * len(scores)))])


def readings(
    readers: Sequence[Reader],
    before: Tensor,
    after: Tensor,
    clicked: NDArray[np.bool_],
    known: dict[str, Scores] | None = None,
) -> list[dict[str, Any]]:
    """Return what each reader sees in the same samples before and after.

    Parameters
    ----------
    readers : sequence of Reader
    before, after : (N, C, H, W) uint8
        The samples of the original and of the student.
    clicked : (N,) bool
        Which of ``before`` the clicking oracle sees.
    known : dict of str to (N,) float64, optional
        Scores of ``before`` by readers that were asked earlier.
    """
    known = {} if known is None else known
    rows = []
    for reader in readers:
        if reader.name not in known:
            known[reader.name] = reader.scores(before)
        scores = known[reader.name]
        cut = reader.above(scores)
        seen, left = scores >= cut, int((reader.scores(after) >= cut).sum())
        n, had = len(seen), int(seen.sum())
        row = {"reader": reader.name, "n": n, "count_before": had, "count_after": left}
        row |= {"share_before": had / n, "share_after": left / n}
        row |= dict(zip(("ratio", "low", "high"), ratio(left, had, n), strict=True))
        rows.append(row | {"unclicked": float((seen & ~clicked[:n]).sum() / had) if had else float("nan")})
    return rows


def ratio(after: int, before: int, n: int) -> tuple[float, float, float]:
    """Return the ratio of two shares of the same n samples, and its 95 % interval (MOVER-R on Wilson's intervals).

    What is left is mostly a part of what there was: the shares are positively correlated, which the interval leaves
    out, so that it is a little too wide. It has a length where nothing is left.

    References
    ----------
    Donner and Zou 2012, Statistical Methods in Medical Research 21:347, equation 9 with no correlation.
    """
    if before == 0:
        return (float("nan"),) * 3
    (a, b), (la, ua), (lb, ub) = (after / n, before / n), wilson(after, n), wilson(before, n)

    def limit(own: float, other: float, sign: int) -> float:
        root = (a * b) ** 2 - own * other * (2 * a - own) * (2 * b - other)
        return float((a * b + sign * np.sqrt(max(0.0, root))) / (other * (2 * b - other)))

    return a / b, max(0.0, limit(la, ub, -1)), limit(ua, lb, 1)


def by_classifier(classifier: Classifier, feature: str) -> Callable[[Tensor], Scores]:
    """Return what scores uint8 images on a feature by an oracle's classifier."""
    return lambda images: classifier.scores(images, [feature])[:, 0]


def by_ensemble(ensemble: ImageSurrogate) -> Callable[[Tensor], Scores]:
    """Return what scores uint8 images by an ensemble."""

    @torch.no_grad()
    def score(images: Tensor) -> Scores:
        parts = [ensemble(to_float(images[a:b])).double() for a, b in chunks(len(images))]
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)

    return score


def by_ridge(images: Tensor, labels: NDArray[np.bool_]) -> Callable[[Tensor], Scores]:
    """Return what scores uint8 images by ridge regression of labels (N,) on the pixels of images, at most 32 a side."""

    def pixels(read: Tensor) -> Tensor:
        return learnt_judge.seen(read).flatten(1).double()

    inputs, wanted = pixels(images), torch.from_numpy(labels).double()
    mean, centred = inputs.mean(0), inputs - inputs.mean(0)
    square = centred.T @ centred / len(inputs)
    penalty = RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=torch.float64)
    weights = torch.linalg.solve(square + penalty, centred.T @ (wanted - wanted.mean()) / len(inputs))
    return lambda read: np.asarray(((pixels(read) - mean) @ weights).numpy(), dtype=np.float64)


def blurring(width: float) -> Callable[[Tensor], Tensor]:
    """Return what blurs uint8 images (N, C, H, W) by a Gaussian of this standard deviation, px."""

    def alter(images: Tensor) -> Tensor:
        parts = (to_float(images[a:b]) for a, b in chunks(len(images)))
        return torch.cat([to_uint8(blurred(part, torch.full((len(part),), width))) for part in parts])

    return alter


def noisy(images: Tensor) -> Tensor:
    """Add noise to uint8 images (N, C, H, W); an image's noise depends on its place alone."""
    found = []
    for start, stop in chunks(len(images)):
        rng = torch.Generator().manual_seed(seed_of("fools or removes", start))
        part = to_float(images[start:stop])
        found.append(to_uint8(part + NOISE * torch.randn(part.shape, generator=rng)))
    return torch.cat(found)


def altered(name: str, score: Callable[[Tensor], Scores], blurs: Sequence[float], share: float) -> list[Reader]:
    """Return a reader of blurred copies for each width, and one of noisy copies."""
    found = [
        Reader(f"{name}, blurred {width:g} px", score, share=share, alter=blurring(width), count=ALTERED)
        for width in blurs
    ]
    return [*found, Reader(f"{name}, noisy", score, share=share, alter=noisy, count=ALTERED)]
