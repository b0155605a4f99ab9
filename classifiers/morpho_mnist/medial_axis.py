"""The medial axes of many binary images at once: scikit-image's, with ties broken by a fixed draw.

`skimage.morphology.medial_axis` (BSD-3) spends most of its time on look-up tables that it rebuilds for every
image. Here they are built once, everything except the thinning works on whole batches, and one call of
scikit-image's inner loop thins all images side by side. That loop is private to scikit-image. If it is missing
or takes other arguments, the public function is used: slower, with the same result (a test compares the two).
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIE_SEED = 42  # as in the published reference values of Morpho-MNIST

Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
Distances = NDArray[Any]  # squared, unsigned; the width depends on the image's size


def medial_axes(figures: Bools) -> tuple[Bools, Distances]:
    """Thin figures to their medial axes.

    Parameters
    ----------
    figures : (B, H, W) bool
        Each with some foreground and some background. Outside the image there is neither.

    Returns
    -------
    axes : (B, h + 1, w + 1) bool
        The medial axes, cropped to a frame (h, w) that holds all figures. The empty last row and column separate
        the images, so that the neighbours of a pixel can be looked up in the flattened array.
    squared : (B, h + 1, w + 1) unsigned integer
        Squared distance to the nearest background pixel, at each pixel of a figure.
    """
    framed = _frame(figures)
    try:
        return _thin_batch(framed)
    except (ImportError, AttributeError, TypeError):  # the private loop is missing or takes other arguments
        return _thin_each(framed)


def _frame(figures: Bools) -> Bools:
    """Crop to a frame around all figures, with one more pixel on each side that has one.

    The nearest background of every pixel stays in the frame: moving an outside point into the frame brings it nearer.
    """
    used_y, used_x = (np.flatnonzero(figures.any(axis=(0, other))) for other in (2, 1))
    y, x = (slice(max(0, int(used[0]) - 1), int(used[-1]) + 2) for used in (used_y, used_x))
    return figures[:, y, x]


def _thin_each(figures: Bools) -> tuple[Bools, Distances]:
    """Thin with scikit-image's public function, image by image."""
    medial_axis = import_module("skimage.morphology").medial_axis
    count, height, width = figures.shape
    axes = np.zeros((count, height + 1, width + 1), bool)
    squared = np.zeros(axes.shape, np.uint32)
    for index, figure in enumerate(figures):
        axis, distance = medial_axis(figure, return_distance=True, rng=np.random.default_rng(TIE_SEED))
        axes[index, :height, :width] = axis
        squared[index, :height, :width] = np.rint(distance**2)
    return axes, squared


def _thin_batch(figures: Bools) -> tuple[Bools, Distances]:
    """Thin all figures with one call of scikit-image's inner loop."""
    thin = import_module("skimage.morphology._skeletonize")._skeletonize_loop
    count, height, width = figures.shape
    apart = np.zeros((count, height + 1, width + 1), bool)
    apart[:, :height, :width] = figures
    squared = np.zeros(apart.shape, _distance_type(height, width))
    # Batch last: shifts along either axis are then contiguous.
    last = squared_distance(np.ascontiguousarray(figures.transpose(1, 2, 0)))
    squared[:, :height, :width] = last.transpose(2, 0, 1)

    pixels = np.flatnonzero(apart)
    order = _thinning_order(pixels, squared, _cornerness(apart))
    result = apart.reshape(-1, width + 1).view(np.uint8)
    rows = pixels // (width + 1)
    thin(result, rows, pixels - rows * (width + 1), order, _keep_table())
    return apart, squared


def _distance_type(height: int, width: int) -> type[np.uint16] | type[np.uint32]:
    """Return the smallest type that holds "infinitely far" plus one parabola."""
    return np.uint16 if _far(height, width) ** 2 + width**2 < 2**16 else np.uint32


def _far(height: int, width: int) -> int:
    """Return a distance that no two pixels of the image exceed."""
    return int(np.ceil(np.hypot(height, width)))


def squared_distance(figures: Bools) -> Distances:
    """Compute the squared distance of each pixel to the nearest background pixel of its image.

    Separable, and exact in integers: a scan along columns, then the lower envelope of parabolas along rows
    (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8, 2012).

    Parameters
    ----------
    figures : (H, W, B) bool
        Each with some background.

    Returns
    -------
    (H, W, B) unsigned integer, 0 in the background
    """
    height, width, _ = figures.shape
    kind, far = _distance_type(height, width), _far(height, width)
    inside: Distances = figures.astype(kind)
    along: Distances = inside * kind(far)  # distance within the column, first to the background above ...
    for y in range(1, height):
        np.add(along[y - 1], kind(1), out=along[y])
        along[y] *= inside[y]
    for y in range(height - 2, -1, -1):  # ... then below
        np.minimum(along[y], along[y + 1] + kind(1), out=along[y])
    np.minimum(along, kind(far), out=along)
    along *= along
    nearest: Distances = along.copy()
    for k in range(1, width):
        if k * k >= nearest.max():
            break  # no parabola from this far can lie below
        raised = along + kind(k * k)
        np.minimum(nearest[:, k:], raised[:, :-k], out=nearest[:, k:])
        np.minimum(nearest[:, :-k], raised[:, k:], out=nearest[:, :-k])
    return nearest


def _cornerness(apart: Bools) -> Bytes:
    """Count the foreground pixels of each 3x3 neighbourhood; returns a flat array."""
    line = apart.shape[2]
    flat = apart.view(np.uint8).ravel()
    across = flat.copy()
    across[1:] += flat[:-1]
    across[:-1] += flat[1:]
    block = across.copy()
    block[line:] += across[:-line]
    block[:-line] += across[line:]
    return block


def _thinning_order(pixels: Ints, squared: Distances, neighbours: Bytes) -> NDArray[np.int32]:
    """Order each image's pixels by distance, then by the number of background pixels around them, then at random.

    Parameters
    ----------
    pixels : (P,) intp
        Flat foreground positions, image by image.
    squared : (B, H, W) unsigned integer
    neighbours : (B * H * W,) uint8

    Returns
    -------
    (P,) int32
        Indices into ``pixels``.
    """
    count, per_image = len(squared), squared[0].size
    bounds = np.searchsorted(pixels, np.arange(count + 1) * per_image)
    sizes = np.diff(bounds)
    drawn = np.concatenate([_lottery(int(size)) for size in sizes]) + np.repeat(bounds[:-1], sizes)
    at = pixels[drawn]
    # Pack distance, cornerness and place in the draw into one word: sorting words is many times faster than
    # sorting indices by three keys.
    distance, bits = squared.reshape(-1)[at], len(at).bit_length()
    kind = np.uint32 if (int(distance.max()) + 1) << (4 + bits) < 2**32 else np.uint64
    key = distance.astype(kind) << kind(4)
    key += 9 - neighbours[at]
    key <<= kind(bits)
    key |= np.arange(len(at), dtype=kind)
    for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
        key[start:stop].sort()
    key &= kind((1 << bits) - 1)
    order: NDArray[np.int32] = drawn[key].astype(np.int32)
    return order


@lru_cache(maxsize=4096)
def _lottery(count: int) -> NDArray[Any]:
    """Return ``count`` pixels in a random order that depends only on ``count``."""
    lots = np.random.default_rng(TIE_SEED).permutation(count)
    return np.argsort(lots).astype(np.uint16 if count <= 2**16 else np.uint32)


@lru_cache(maxsize=1)
def _keep_table() -> Bytes:
    """Return for each 3x3 pattern (bit 3 y + x) whether thinning keeps its centre.

    It keeps a centre that is set if removing it would change the number of 8-connected parts, or if it has at most
    one neighbour.
    """
    from scipy import ndimage

    code = np.arange(512)
    patterns = (code[:, None] >> np.arange(9) & 1).reshape(-1, 3, 3)
    parts = np.array([ndimage.label(pattern, np.ones((3, 3)))[1] for pattern in patterns])
    changes, end = parts != parts[code & ~16], patterns.sum((1, 2)) < 3
    keep: Bytes = ((code & 16 > 0) & (changes | end)).astype(np.uint8)
    return keep
