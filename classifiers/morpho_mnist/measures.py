"""Area, length, thickness, slant, width and height of handwritten digits, as Morpho-MNIST defines them.

Definitions and constants are those of Castro et al., "Morpho-MNIST: Quantitative Assessment and Diagnostics
for Representation Learning", JMLR 20(178), 2019, and of its tool (github.com/dccastro/Morpho-MNIST, MIT
licence, ``measure.py`` and ``morpho.py`` with their defaults: threshold 0.5, scale 4, bound_frac 0.02). The
implementation is ours and works on whole batches. Upscaling and smoothing are linear and separable, so they are
matrix products, computed per image: an image's numbers do not depend on its batch. ``medial_axis.py`` has the
medial axis and the draw that breaks its ties.

It uses numpy, scipy and scikit-image only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .medial_axis import medial_axes

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("area", "length", "thickness", "slant", "width", "height")

SCALE = 4  # hi-res pixels per pixel
BOUND_FRACTION = 0.02  # share of the intensity left outside the bounding parallelogram, both sides together
CHUNK_PIXELS = 16 * 28 * 28  # measured together; their hi-res images fit in the second-level cache

Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def measure(images: Any, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Measure images of handwritten digits: bright ink on a dark background.

    Parameters
    ----------
    images : (N, H, W) or (N, 1, H, W) array or tensor
        uint8 in [0, 255] or floating point in [0, 1]; the latter is rounded to 8 bits first.
    columns : sequence of str, optional
        Which of ``COLUMNS`` to compute, in this order; default: all.

    Returns
    -------
    DataFrame, N rows of finite float64
        area (px^2), length of the strokes' medial axis (px), thickness (px; mean over the medial axis), slant
        (rad; positive leans right), width and height (px) of the bounding parallelogram.

    Raises
    ------
    ValueError
        If a column is unknown, or the images have another shape, type or range.

    Notes
    -----
    Ink is what is brighter than the middle of an image's own range. So an image without contrast (blank, full,
    or any other grey that is flat after smoothing) has no stroke, and all six numbers are 0; the tool divides
    zero by zero there, or measures the distance to a background that does not exist. A single bright pixel is a
    dot like any other. Ink at the border is measured as if it continued beyond, as in the tool.
    """
    import pandas as pd  # takes half a second, so only when needed

    wanted = tuple(COLUMNS if columns is None else columns)
    if unknown := sorted(set(wanted) - set(COLUMNS)):
        raise ValueError(f"unknown column {unknown[0]!r}; known: {', '.join(COLUMNS)}")
    pixels = _as_bytes(images)
    count, height, width = pixels.shape
    values = {name: np.zeros(count) for name in wanted}
    chunk = min(count, max(1, CHUNK_PIXELS // (height * width)))
    # Allocated once: new memory pages for every chunk can cost as much as the arithmetic.
    work = np.empty((2, chunk, SCALE * height, SCALE * width))
    for start in range(0, count, chunk or 1):
        shown, found = _measure_chunk(pixels[start : start + chunk], frozenset(wanted), work)
        for name in values.keys() & found.keys():
            values[name][start + shown] = found[name]
    return pd.DataFrame(values, columns=list(wanted))


def _as_bytes(images: Any) -> Bytes:
    """Convert to (N, H, W) uint8."""
    # Recognise a tensor by its methods: importing torch would take a worker longer than its work.
    array = np.asarray(images.detach().cpu().numpy() if hasattr(images, "detach") else images)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 3 or 0 in array.shape[1:]:
        raise ValueError(f"images have shape {array.shape}; expected (N, H, W) or (N, 1, H, W)")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"images are {array.dtype}; expected uint8 or floating point in [0, 1]")
    if array.size and not (array.min() >= 0 and array.max() <= 1):  # a NaN fails both
        raise ValueError("floating-point images must be finite and in [0, 1]")
    return np.rint(array.astype(np.float64) * 255).astype(np.uint8)


def _measure_chunk(images: Bytes, wanted: frozenset[str], work: Floats) -> tuple[Ints, dict[str, Floats]]:
    """Return which images (B, H, W) have contrast, and their measures: those wanted and those that come with them."""
    hires = _expand(images, work)
    low, high = hires.min(axis=(1, 2)), hires.max(axis=(1, 2))
    shown = np.flatnonzero(high > low)
    found: dict[str, Floats] = {}
    if not len(shown):
        return shown, found
    hires, low, high = hires[shown], low[shown], high[shown]
    if wanted & {"area", "length", "thickness"}:
        middle = (low.astype(np.int64) + high + 1) // 2  # the least grey level at or above the middle
        found |= _strokes(hires >= middle.astype(np.uint8)[:, None, None], wanted)
    if wanted & {"slant", "width", "height"}:
        found |= _extents(hires, wanted)
    return shown, found


@lru_cache(maxsize=16)
def _zoom_matrix(size: int) -> Floats:
    """Return the cubic-spline upscaling of one axis, (SCALE * size, size): the first half of `pyramid_expand`."""
    from scipy import ndimage

    lines = [ndimage.zoom(line, SCALE, order=3, mode="mirror", grid_mode=True) for line in np.eye(size)]
    return np.stack(lines, axis=1)


@lru_cache(maxsize=16)
def _smoothing_bands(size: int) -> tuple[tuple[slice, slice, Floats], ...]:
    """Return the Gaussian smoothing of one axis of ``size`` hi-res pixels: the second half of `pyramid_expand`.

    The matrix is banded; blocks of rows with only the columns they read save half of the products.
    """
    from scipy import ndimage

    matrix = ndimage.gaussian_filter1d(np.eye(size), 2 * SCALE / 6, axis=0, mode="reflect")
    edges = np.linspace(0, size, 1 + max(1, size // 28)).astype(int)
    bands = []
    for target in map(slice, edges[:-1].tolist(), edges[1:].tolist()):
        read = np.flatnonzero(matrix[target].any(axis=0))
        source = slice(int(read[0]), int(read[-1]) + 1)
        bands.append((target, source, np.ascontiguousarray(matrix[target, source])))
    return tuple(bands)


def _expand(images: Bytes, work: Floats) -> Bytes:
    """Upscale (B, H, W) to (B, SCALE * H, SCALE * W), smooth, and round down to whole grey levels.

    ``work`` (2, B or more, SCALE * H, SCALE * W) is overwritten.
    """
    count, height, width = images.shape
    hires, smooth = work[:, :count]
    np.matmul(_zoom_matrix(height) @ images.astype(np.float64), _zoom_matrix(width).T, out=hires)
    # The spline overshoots; the tool clips to the range of the input before it smooths.
    low, high = (edge.astype(np.float64)[:, None, None] for edge in (images.min((1, 2)), images.max((1, 2))))
    np.clip(hires, low, high, out=hires)
    for target, source, block in _smoothing_bands(SCALE * height):
        np.matmul(block, hires[:, source], out=smooth[:, target])
    for target, source, block in _smoothing_bands(SCALE * width):
        np.matmul(smooth[:, :, source], block.T, out=hires[:, :, target])
    # Without this, rounding errors decide between 254 and 255 inside a saturated patch, where the tool has 254.
    hires -= 1e-9
    levels: Bytes = hires.astype(np.uint8)
    return levels


def _strokes(ink: Bools, wanted: frozenset[str]) -> dict[str, Floats]:
    """Compute area, length and thickness of hi-res figures (B, H, W), each with ink and background."""
    count = len(ink)
    found = {"area": np.count_nonzero(ink, axis=(1, 2)) / SCALE**2}
    if not wanted & {"length", "thickness"}:
        return found
    axes, squared = medial_axes(ink)
    flat, line, per_image = axes.reshape(-1), axes.shape[2], axes[0].size
    pixels = np.flatnonzero(flat)
    image = pixels // per_image
    points = np.bincount(image, minlength=count)
    distance = np.bincount(image, np.sqrt(squared.reshape(-1)[pixels].astype(np.float64)), minlength=count)
    found["thickness"] = 2 * distance / points / SCALE
    if "length" in wanted:
        straight, diagonal = (
            np.bincount(image, flat[pixels + first].astype(float) + flat[pixels + second], minlength=count)
            for first, second in ((1, line), (line - 1, line + 1))
        )
        found["length"] = (straight + np.sqrt(2) * diagonal) / SCALE
    return found


def _extents(hires: Bytes, wanted: frozenset[str]) -> dict[str, Floats]:
    """Compute slant, width and height of hi-res images (B, H, W), none of them blank."""
    count, height, width = hires.shape
    # Sums of whole numbers are exact in any order; for small images also in single precision, which is faster.
    exact = np.float32 if 255 * max(height, width) ** 2 < 2**25 else np.float64
    image = hires.astype(exact)
    y = np.arange(height)
    weights = np.stack([np.ones(width), np.arange(width)], axis=1).astype(exact)
    row_mass, row_x = np.moveaxis(np.matmul(image, weights).astype(np.float64), 2, 0)  # (B, H) each
    mass = row_mass.sum(axis=1)
    found: dict[str, Floats] = {}
    if wanted & {"slant", "width"}:
        mean_x, mean_y = row_x.sum(axis=1) / mass, row_mass @ y / mass
        covariance = row_x @ y / mass - mean_x * mean_y
        variance = row_mass @ y**2 / mass - mean_y**2
        shear = np.divide(covariance, variance, out=np.zeros(count), where=variance > 0)
        found["slant"] = np.arctan(-shear) + 0.0  # no -0.0
        if "width" in wanted:
            found["width"] = _spread(_mass_left_of(image, shear, mean_y), mass)
    if "height" in wanted:
        found["height"] = _spread(np.cumsum(row_mass, axis=1) - row_mass, mass)
    return found


def _mass_left_of(image: NDArray[Any], shear: Floats, middle: Floats) -> Floats:
    """Sum (B, H, W) to the left of slanted lines through x = 0 ... W - 1 at row ``middle``; returns (B, W).

    A pixel lies left of line t if x + 0.5 < t + shear (y - middle): shift each row by a whole number of pixels,
    then sum the columns.
    """
    count, height, width = image.shape
    shift = np.ceil(shear[:, None] * (np.arange(height) - middle[:, None]) - 0.5)
    move = np.clip(shift, -width, width).astype(np.intp)  # (B, H); further shifts change nothing
    ahead, behind = max(0, int(move.max())), max(0, -int(move.min()))
    padded = np.pad(image, ((0, 0), (0, 0), (ahead + behind, ahead)))
    rows = np.lib.stride_tricks.sliding_window_view(padded, ahead + width, axis=2)
    each = np.arange(count)[:, None], np.arange(height)
    moved = rows[(*each, move + behind)]  # (B, H, ahead + W): x - move, from -ahead to W - 1
    sums = moved.sum(axis=1).astype(np.float64)
    left: Floats = (np.cumsum(sums, axis=1) - sums)[:, ahead:]
    return left


def _spread(below: Floats, mass: Floats) -> Floats:
    """Return the distance (px) between the two quantiles that enclose 1 - BOUND_FRACTION of the mass.

    ``below`` (B, L) is the mass before each hi-res position, interpolated linearly.
    """
    share = below / mass[:, None]
    low, high = (_quantile(share, at) for at in (BOUND_FRACTION / 2, 1 - BOUND_FRACTION / 2))
    return (high - low) / SCALE


def _quantile(share: Floats, at: float) -> Floats:
    """Invert non-decreasing rows (B, L) at one level, as `np.interp` does, including flat pieces and ends."""
    rows, last = np.arange(len(share)), share.shape[1] - 1
    before = np.maximum(np.count_nonzero(share <= at, axis=1) - 1, 0)
    after = np.minimum(before + 1, last)
    base = share[rows, before]
    step = share[rows, after] - base
    part = np.divide(at - base, step, out=np.zeros(len(share)), where=step > 0)
    quantile: Floats = before + np.maximum(part, 0.0)  # 0 where more than that lies before the first position
    return quantile
