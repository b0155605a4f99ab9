"""The direction of the clicks so far (Eq. 1-3 of arXiv 2303.05699), and what it would change, before any training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Feedback, Generator
from bench.core.rendering import CHUNK, chunks
from bench.errors import UsageError
from bench.feedback.page.samples import Samples, png_of
from bench.toolkit.latent import Direction, DirectionParams, fit_direction

FROM = 20  # clicked samples from which there is a preview
SHOWN, CHANGED = 6, 4  # clicked samples in a preview, and the most changed of the others
DRAGGED = 0.25  # standard deviations of another attribute's projection from which a preview warns
Known = Mapping[int, bool]  # by sample: whether it was clicked


@dataclass(frozen=True)
class Drag:
    """How far the direction moves another attribute, in standard deviations of its projection; below 0: less of it."""

    attribute: str
    shift: float

    @property
    def strong(self) -> bool:
        """Whether there is something to warn of."""
        return abs(self.shift) >= DRAGGED


@dataclass(frozen=True)
class Preview:
    """Pictures before and after, side by side (PNG): of clicked samples, and of those others that change most."""

    clicked: Sequence[bytes]
    changed: Sequence[bytes]
    flagged: float
    drags: Sequence[Drag]


def enough(labels: Sequence[bool], fewest: int) -> bool:
    """Say whether there are enough clicked and unclicked samples."""
    return min(sum(labels), len(labels) - sum(labels)) >= fewest


@dataclass(frozen=True)
class _Kept(Feedback):
    """Clicks on samples whose latents (N, D) are kept, so that nothing is drawn again."""

    kept: Tensor = field(default_factory=lambda: torch.empty(0))

    def noise(self, start: int, stop: int, noise_dim: int) -> Tensor:
        return self.kept[start:stop]  # asked for where the noise is the latent

    def latents(self, generator: Generator) -> Iterator[Tensor]:
        for start, stop in chunks(len(self)):
            yield self.kept[start:stop]


def direction_of(samples: Samples, known: Known) -> Direction:
    """Fit the paper's direction, on the CPU; raises UsageError if the clicks define none."""
    clicks = _Kept(np.array(list(known.values())), samples.stream, kept=samples.latents(list(known)))
    return fit_direction(samples.generator, clicks, DirectionParams()).cpu()


def projections(samples: Samples, known: Known, of: Sequence[int]) -> NDArray[np.float32]:
    """Project samples on the direction of the clicks, (N,): the larger, the likelier they have the feature.

    Raises UsageError if the clicks define no direction.
    """
    found: NDArray[np.float32] = direction_of(samples, known)(samples.latents(of)).numpy()
    return found


def preview_of(samples: Samples, known: Known, others: Mapping[str, Known]) -> Preview:
    """Show what the direction changes.

    Parameters
    ----------
    samples : Samples
    known : mapping of int to bool
        Clicks on the feature, at least one of each kind.
    others : mapping of str to mapping
        Clicks on further attributes; of those with too few, or that define no direction, nothing is said.

    Raises
    ------
    UsageError
        If the clicks on the feature define no direction.
    """
    direction = direction_of(samples, known)
    latents = samples.latents(list(known))
    flagged = direction.flag(latents)
    clicked = [sample for sample, on in known.items() if on][:SHOWN]
    rest = [sample for sample, flag in zip(known, flagged.tolist(), strict=True) if flag and not known[sample]]
    pairs, _ = _pairs(samples, direction, clicked)
    more, change = _pairs(samples, direction, rest[:CHUNK])
    most = np.argsort(-change, kind="stable")[:CHANGED]
    moved = direction.edit(latents[flagged]) - latents[flagged] if flagged.any() else latents[:0]
    shifts = {name: _shift(samples, other, moved) for name, other in others.items() if enough([*other.values()], 10)}
    drags = [Drag(name, shift) for name, shift in shifts.items() if shift is not None]
    return Preview(pairs, [more[int(place)] for place in most], float(flagged.float().mean()), drags)


def _pairs(samples: Samples, direction: Direction, of: Sequence[int]) -> tuple[list[bytes], NDArray[np.float64]]:
    """Return pictures of samples before and after, and by how much each changes, in grey levels."""
    if not of:
        return [], np.zeros(0)
    latents = samples.latents(of)
    before, after = samples.decoded(latents, of), samples.decoded(direction.edit(latents), of)
    gap = torch.full((*before.shape[1:3], max(1, before.shape[3] // 16)), 128, dtype=torch.uint8)
    pictures = [png_of(torch.cat([one, gap, other], 2)) for one, other in zip(before, after, strict=True)]
    return pictures, (before.float() - after.float()).abs().mean((1, 2, 3)).double().numpy()


def _shift(samples: Samples, known: Known, moved: Tensor) -> float | None:
    """Return the mean move along another attribute's direction, in standard deviations of the projections on it.

    None if it has no direction.
    """
    try:
        other = direction_of(samples, known)
    except UsageError:
        return None
    spread = float(other(samples.latents(list(known))).std())
    return float((moved @ other.unit).mean()) / spread if len(moved) and spread > 0 else 0.0
