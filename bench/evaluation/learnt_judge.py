"""A judge learnt from clicks, for a feature that no oracle knows: a small network, and how often it errs.

The network sees 8-bit images, averaged down to at most 32 pixels a side. Cross-validation says how often it errs: five
networks, each trained without a fifth of the clicks, score that fifth. The judge itself learns from all clicks. The
constants were chosen on the shipped generators, where an oracle knows the truth (``docs/tutorials/did-it-work.md``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Feedback, Generator
from bench.core import randomness
from bench.core.rendering import by_chunk, chunks, to_float, to_uint8
from bench.errors import BenchError
from bench.toolkit.intervals import balanced_accuracy

FOLDS, FEWEST = 5, 10  # parts of the clicks; clicks and other samples without which nothing is learnt
SIDE, SHIFT = 32, 2  # pixels that the network sees; by how many an image is moved in training
STEPS, BATCH, LR, DECAY = 200, 32, 3e-3, 1e-2
CHANNELS, HIDDEN = 8, 32
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class LearntJudge:
    """A judge, and what it said of clicks that it had not seen.

    Attributes
    ----------
    network : Module
    held_out : (N,) float64
        Score of each shown sample by a network that was trained without it.
    labels : (N,) bool
        The clicks.
    cut : float
        The score from which an image has the feature: as many held-out scores reach it as samples were clicked.
    """

    network: nn.Module
    held_out: Scores
    labels: NDArray[np.bool_]
    cut: float

    def scores(self, images: Tensor) -> Scores:
        """Score (N, C, H, W) uint8 images; (N,) float64."""
        return _scores(self.network, seen(images))

    @property
    def false_positives(self) -> int:
        """Held-out samples that have the feature by the judge alone; as many have it by the clicks alone."""
        return int((self.held_out >= self.cut)[~self.labels].sum())

    @property
    def agreement(self) -> tuple[float, float, float]:
        """Balanced accuracy on held-out clicks, with its interval."""
        called = self.held_out >= self.cut
        hits, rejections = int(called[self.labels].sum()), int((~called)[~self.labels].sum())
        return balanced_accuracy(hits, int(self.labels.sum()), rejections, int((~self.labels).sum()))


def learn(generator: Generator, feedback: Feedback) -> LearntJudge:
    """Learn a judge from clicks on a generator's samples; the same clicks give the same judge.

    Raises
    ------
    BenchError
        If there are too few clicks, or the judge agrees with held-out clicks no better than chance.
    """
    labels = feedback.labels
    fewest = min(feedback.positives, len(labels) - feedback.positives)
    if fewest < FEWEST:
        raise BenchError(
            f"{feedback.positives} of {len(labels)} samples were clicked; a judge is learnt from at least {FEWEST} "
            f"that were and {FEWEST} that were not. Show more samples and click"
        )
    images, held_out = seen(shown_images(generator, feedback)), np.empty(len(labels))
    folds = _folds(labels)
    for fold in range(FOLDS):
        inside = folds != fold
        network = _fit(images[inside], labels[inside], f"learnt judge/{fold}")
        held_out[~inside] = _scores(network, images[~inside])
    cut = float(np.sort(held_out)[-feedback.positives])
    judge = LearntJudge(_fit(images, labels, "learnt judge"), held_out, labels, cut)
    agreement, low, high = judge.agreement
    if low <= 0.5:
        raise BenchError(
            f"a judge learnt from the clicks agrees with clicks that it had not seen by {agreement:.2f} [{low:.2f}, "
            f"{high:.2f}], and 0.5 is chance. Click more samples"
        )
    return judge


def shown_images(generator: Generator, feedback: Feedback) -> Tensor:
    """Draw the shown samples again, (N, C, H, W) uint8."""
    return torch.cat([to_uint8(images) for _, images in feedback.samples(generator)])


def seen(images: Tensor) -> Tensor:
    """Return what the network sees of (N, C, H, W) uint8 images: float32 in [-0.5, 0.5], at most 32 pixels a side."""
    height, width = images.shape[-2:]
    side = min(height, SIDE), min(width, SIDE)
    return torch.cat([F.adaptive_avg_pool2d(to_float(images[a:b]), side) - 0.5 for a, b in chunks(len(images))])


def _folds(labels: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Divide samples (N,) among the folds, those with and those without the feature evenly."""
    folds = np.empty(len(labels), dtype=np.int64)
    for kind in (labels, ~labels):
        folds[kind] = np.arange(kind.sum()) % FOLDS
    return folds


def _network(shape: tuple[int, ...]) -> nn.Sequential:
    """Build a network for images (C, H, W)."""
    c = CHANNELS
    layers = [nn.Conv2d(shape[0], c, 5, 2, 2), nn.Conv2d(c, 2 * c, 3, 2, 1), nn.Conv2d(2 * c, 3 * c, 3, 2, 1)]
    body = [part for layer in layers for part in (layer, nn.ReLU())]
    height, width = (math.ceil(side / 8) for side in shape[1:])
    head = [nn.Linear(3 * c * height * width, HIDDEN), nn.ReLU(), nn.Dropout(), nn.Linear(HIDDEN, 1)]
    return nn.Sequential(*body, nn.Flatten(), nn.Dropout(), *head)


def _fit(images: Tensor, labels: NDArray[np.bool_], stream: str) -> nn.Module:
    """Train a network: half of each batch has the feature, and every image is moved by up to two pixels."""
    kinds = [torch.from_numpy(np.flatnonzero(kind)) for kind in (labels, ~labels)]
    target = (torch.arange(BATCH) < BATCH // 2).float()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.default_generator.manual_seed(randomness.seed_of(stream, 0))
        network = _network(tuple(images.shape[1:])).train()
        adam = torch.optim.AdamW(network.parameters(), LR, weight_decay=DECAY)
        for step in range(STEPS):
            adam.param_groups[0]["lr"] = LR * 0.5 * (1 + math.cos(math.pi * step / STEPS))
            rows = torch.cat([kind[torch.randint(len(kind), (BATCH // 2,))] for kind in kinds])
            loss = F.binary_cross_entropy_with_logits(network(_moved(images[rows]))[:, 0], target)
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
    return network.eval().requires_grad_(False)


def _moved(images: Tensor) -> Tensor:
    """Move each of (B, C, H, W) images by up to two pixels each way; what comes in repeats the border."""
    height, width = images.shape[-2:]
    padded = F.pad(images, (SHIFT,) * 4, mode="replicate")
    moves = torch.randint(2 * SHIFT + 1, (len(images), 2)).tolist()
    return torch.stack([p[:, y : y + height, x : x + width] for p, (y, x) in zip(padded, moves, strict=True)])


@torch.no_grad()
def _scores(network: nn.Module, images: Tensor) -> Scores:
    """Score what the network sees, 64 images at a time."""
    found = np.concatenate([part.double().numpy() for part in by_chunk(lambda chunk: network(chunk)[:, 0], images)])
    return np.asarray(found, dtype=np.float64)
