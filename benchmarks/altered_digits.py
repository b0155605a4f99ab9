"""Real digits, altered in a known way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from altered import Altered, blurred, noisy, thinned_out
from numpy.typing import NDArray
from scipy.ndimage import affine_transform
from skimage.morphology import disk, erosion
from skimage.transform import rescale, resize
from torch import Tensor

from bench.api import Split
from bench.classifiers.morpho_mnist.measures import measure
from bench.core import randomness

FINER = 4  # strokes are thinned on a grid this much finer
TENTH = 0.1


def alterations(split: Split, count: int) -> Iterator[Altered]:
    """Yield some digits of a split, then the same digits altered."""
    order = shuffled(len(split))
    indices = np.arange(count)
    images = split.read(order[:count])
    digits = split.attributes["digit"].to_numpy()[order]
    yield Altered("as they are", images, indices)
    if 2 * count <= len(split):
        yield Altered("other digits, as they are", split.read(order[count : 2 * count]), indices + count)
    form = measure(images, ["thickness", "slant"])
    thick = np.flatnonzero(form.thickness >= form.thickness.quantile(1 - TENTH))
    left = np.flatnonzero(-form.slant >= (-form.slant).quantile(1 - TENTH))
    upright = form.slant.median() - form.slant.to_numpy()  # rad
    for name, few in (("all thinned by 1 px", indices), ("the thickest tenth thinned by 1 px", thick)):
        yield _altered(name, images, few, lambda i: thinned(images[i, 0].numpy()))
    yield _altered("all sheared by 0.2 rad", images, indices, lambda i: sheared(images[i, 0].numpy(), 0.2))
    yield _altered(
        "the left-slanting tenth set upright",
        images,
        left,
        lambda i: sheared(images[i, 0].numpy(), float(upright[i])),
    )
    yield from (blurred(images, width) for width in (0.5, 1.0))
    yield noisy(images, 0.05)
    yield from thinned_out(images)
    for digit in (1, 8):
        gone = np.flatnonzero(digits[:count] == digit)
        later = count + np.flatnonzero(digits[count:] != digit)[: len(gone)]
        replaced, sources = images.clone(), indices.copy()
        replaced[gone], sources[gone] = split.read(order[later]), later
        yield Altered(f"no digit {digit}: others in its place", replaced, sources)


def shuffled(count: int) -> NDArray[np.int64]:
    """Return an order of MNIST's images: those in the file's first half are other people's than in the second."""
    return torch.randperm(count, generator=randomness.generator("sensitivity/order", 0)).numpy()


def _altered(name: str, images: Tensor, which: NDArray[np.int64], change) -> Altered:  # type: ignore[no-untyped-def]
    changed = images.clone()
    for i in which:
        changed[i, 0] = torch.from_numpy((change(i).clip(0, 1) * 255).round().astype(np.uint8))
    return Altered(name, changed, np.arange(len(images)))


def thinned(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Erode the strokes by half a pixel from each side; what the finer grid itself changes is taken out again."""
    picture = image / 255
    fine = rescale(picture, FINER, order=1)
    eroded = erosion(fine, disk(FINER // 2))
    thinner: NDArray[np.float64] = picture + resize(eroded, picture.shape, order=1, anti_aliasing=True)
    return thinner - resize(fine, picture.shape, order=1, anti_aliasing=True)


def sheared(image: NDArray[np.uint8], angle: float) -> NDArray[np.float64]:
    """Lean a digit to the right by an angle, in rad, about its centre of mass."""
    picture = image / 255
    row = float((picture.sum(1) * np.arange(28)).sum() / picture.sum())
    matrix = np.array([[1, 0], [np.tan(angle), 1]])  # from a place in the result to one in the picture
    sheared: NDArray[np.float64] = affine_transform(picture, matrix, offset=(0, -np.tan(angle) * row), order=3)
    return sheared
