"""Our measures, in batches, against the same measures image by image with scikit-image.

Run with ``OMP_NUM_THREADS=1 pytest benchmarks/test_morphometry.py --benchmark-timer=time.process_time``;
``extra_info`` in the JSON file has milliseconds per image.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.morphology import medial_axis
from skimage.transform import pyramid_expand

from bench.classifiers.morpho_mnist.measures import measure

Bytes = NDArray[np.uint8]


@pytest.fixture(scope="module")
def digits() -> Bytes:
    folder = Path(os.environ.get("BENCH_DATA") or Path(__file__).parents[2] / "shared" / "data")
    file = folder / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    if not file.is_file():
        pytest.skip(f"no MNIST under {folder} (set BENCH_DATA)")
    return np.fromfile(file, np.uint8, count=1000 * 784, offset=16).reshape(-1, 28, 28)


def thickness_and_slant(image: Bytes) -> tuple[float, float]:
    """Measure one image as a user of scikit-image would."""
    hires = (255 * pyramid_expand(image, upscale=4, order=3)).astype(np.uint8)
    middle = hires.min() + (hires.max() - hires.min()) * 0.5
    axis, distance = medial_axis(hires >= middle, return_distance=True, rng=np.random.default_rng(42))
    mass = hires / hires.sum()
    y, x = np.mgrid[: hires.shape[0], : hires.shape[1]]
    mean_x, mean_y = (x * mass).sum(), (y * mass).sum()
    shear = (x * y * mass).sum() - mean_x * mean_y
    return 2 * distance[axis].mean() / 4, float(np.arctan(-shear / ((y**2 * mass).sum() - mean_y**2)))


def timed(benchmark: Any, work: Callable[[Bytes], Any], images: Bytes) -> Any:
    result = benchmark.pedantic(work, args=(images,), rounds=5, warmup_rounds=1)
    if benchmark.stats is not None:  # None with --benchmark-disable
        benchmark.extra_info["ms_per_image"] = 1e3 * benchmark.stats.stats.min / len(images)
    return result


@pytest.mark.parametrize("columns", [("thickness", "slant"), ("slant",), None], ids=["two", "slant", "all"])
def test_ours(benchmark: Any, digits: Bytes, columns: tuple[str, ...] | None) -> None:
    found = timed(benchmark, lambda images: measure(images, columns), digits)
    assert len(found) == len(digits)


def test_image_by_image_with_scikit_image(benchmark: Any, digits: Bytes) -> None:
    few = digits[:50]
    found = timed(benchmark, lambda images: [thickness_and_slant(image) for image in images], few)
    np.testing.assert_allclose(found, measure(few, ["thickness", "slant"]), rtol=0, atol=1e-9)
