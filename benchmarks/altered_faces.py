"""Synthetic faces, altered in a known way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from altered import Altered, blurred, noisy, thinned_out
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.functional import adjust_hue

from bench.core.rendering import to_float, to_uint8
from bench.datasets.synthfaces.causes import People, intervene, sample
from bench.datasets.synthfaces.draws import Draws
from bench.datasets.synthfaces.renderer import render

Indices = NDArray[np.int64]
LOWER = 43  # first row of the lower third


@dataclass(frozen=True)
class Removal:
    """A feature of faces: who has it, and the intervention that removes it and nothing else."""

    name: str
    having: Callable[[People], NDArray[np.bool_]]
    remove: Callable[[People], People]


REMOVALS = (
    Removal("fringe", lambda p: p.bangs, lambda p: intervene(p, "bang", False)),
    Removal("beard", lambda p: p.beard, lambda p: intervene(p, "beard", False)),
    Removal(
        "smile",
        lambda p: p.smiling | p.mouth_open,
        lambda p: replace(p, smiling=np.zeros_like(p.smiling), mouth_open=np.zeros_like(p.mouth_open)),
    ),
    Removal("glasses", lambda p: p.glasses, lambda p: replace(p, glasses=np.zeros_like(p.glasses))),
)


def alterations(stream: str, count: int) -> Iterator[Altered]:
    """Yield the faces 0 to ``count`` of a stream, then the same faces altered."""
    indices = np.arange(count)
    people, images = sample(Draws(stream, indices.tolist())), render(stream, indices)
    yield Altered("as they are", images, indices)
    yield Altered("other faces, as they are", render(stream, indices + count), indices + count)
    for removal in REMOVALS:
        yield from _removed(removal, stream, people, images)
    yield from (blurred(images, width) for width in (0.5, 1.0))
    floats = to_float(images)
    yield Altered("hue shifted by 5 %", to_uint8(torch.cat([adjust_hue(x, 0.05) for x in floats.split(500)])), indices)
    yield noisy(images, 0.05)
    swapped = images.clone()
    swapped[:, :, LOWER:] = images.roll(1, 0)[:, :, LOWER:]
    yield Altered("lower third from another face", swapped, indices)
    yield from thinned_out(images)
    for share, name in ((1.0, "no men: women in their place"), (0.1, "a tenth of the men replaced by women")):
        yield _without_men(name, share, stream, people, images)


def _removed(removal: Removal, stream: str, people: People, images: Tensor) -> Iterator[Altered]:
    having = np.flatnonzero(removal.having(people))
    redrawn = render(stream, having, removal.remove)
    for name, count in ((f"no {removal.name}", len(having)), (f"a tenth of {removal.name} gone", len(having) // 10)):
        altered = images.clone()
        altered[having[:count]] = redrawn[:count]
        yield Altered(name, altered, np.arange(len(images)))


def _without_men(name: str, share: float, stream: str, people: People, images: Tensor) -> Altered:
    """Put women of the same stream, from beyond the faces of this sample, in the place of men."""
    men = np.flatnonzero(people.male)
    men = men[: int(share * len(men))]
    later = np.arange(2 * len(images), 5 * len(images))
    women = later[~sample(Draws(stream, later.tolist())).male][: len(men)]
    altered, sources = images.clone(), np.arange(len(images))
    altered[men], sources[men] = render(stream, women), women
    return Altered(name, altered, sources)
