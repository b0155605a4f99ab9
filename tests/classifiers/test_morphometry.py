from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from bench.classifiers.morpho_mnist import medial_axis
from bench.classifiers.morpho_mnist.measures import COLUMNS, measure
from bench.registry import Registry

REPOSITORY = Path(__file__).parents[2]
Bytes = NDArray[np.uint8]


def read_digits(mnist_dir: Path, name: str) -> Bytes:
    pixels = np.fromfile(mnist_dir / "MNIST" / "raw" / f"{name}-images-idx3-ubyte", np.uint8, offset=16)
    return pixels.reshape(-1, 28, 28)


@pytest.fixture
def digits() -> Bytes:
    """Strokes, blots and noise; some touch the border."""
    rng = np.random.default_rng(0)
    blots = ndimage.gaussian_filter(rng.normal(size=(20, 28, 28)), (0, 2, 2))
    scaled = np.clip(blots / blots.max(axis=(1, 2), keepdims=True), 0, 1) * rng.uniform(0.2, 1, (20, 1, 1))
    noise = rng.integers(0, 256, (3, 28, 28))
    return np.concatenate([np.rint(255 * scaled), noise, np.zeros((1, 28, 28))]).astype(np.uint8)


def bar(height: int, width: int, size: int = 28) -> Bytes:
    image = np.zeros((1, size, size), np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    image[:, top : top + height, left : left + width] = 255
    return image


def leaning(pixels_per_row: float) -> Bytes:
    """Draw a stroke that moves right going up."""
    image = np.zeros((1, 28, 28), np.uint8)
    for y in range(4, 24):
        x = round(13 - pixels_per_row * (y - 14))
        image[0, y, x : x + 3] = 255
    return image


# --- the reference tool -------------------------------------------------------------------------------


@pytest.mark.mnist
def test_equals_the_reference_tool_on_every_image(mnist_dir: Path) -> None:
    file = mnist_dir / "morpho_mnist" / "t10k_0000-1999.csv"
    if not file.is_file():
        pytest.skip(f"no reference values: {file}")
    expected = pd.read_csv(file, index_col="index")
    found = measure(read_digits(mnist_dir, "t10k")[: len(expected)])
    # the file has six decimals
    assert (found - expected[list(COLUMNS)]).abs().max().max() < 6e-7


@pytest.mark.mnist
@pytest.mark.slow
def test_the_cuts_are_the_top_tenth_of_the_training_set(mnist_dir: Path) -> None:
    classifier = Registry().get("classifiers", "morpho_mnist")
    images = torch.from_numpy(read_digits(mnist_dir, "train"))[:, None]
    scores = classifier().scores(images, COLUMNS)
    cuts = np.array([classifier.cuts[name] for name in COLUMNS])
    np.testing.assert_allclose(np.quantile(scores, 0.9, axis=0), cuts, rtol=1e-12)
    selected = dict(zip(COLUMNS, (scores >= cuts).sum(axis=0).tolist(), strict=True))
    assert selected == {  # ties at the cut of area and length
        "area": 6004, "length": 6008, "thickness": 6000, "slant": 6000, "width": 6000, "height": 6000
    }  # fmt: skip


# --- known shapes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(20, 4), (20, 8), (16, 6)])
def test_an_upright_bar_has_its_own_extents(height: int, width: int) -> None:
    found = measure(bar(height, width)).loc[0]
    assert found["area"] == pytest.approx(height * width, abs=0.25)  # smoothing takes the corners
    # 98 % of the bar, and what smoothing puts around it
    assert 0.98 * width < found["width"] < 0.98 * width + 1.1
    assert 0.98 * height < found["height"] < 0.98 * height + 1.1
    assert found["slant"] == 0


def test_width_and_height_change_places_when_the_bar_lies_down() -> None:
    upright, lying = measure(bar(20, 6)).loc[0], measure(bar(6, 20)).loc[0]
    assert lying["width"] == pytest.approx(upright["height"], abs=1e-12)
    assert lying["height"] == pytest.approx(upright["width"], abs=1e-12)


@pytest.mark.parametrize("width", [3, 4, 7])
def test_an_endless_bar_is_as_thick_as_it_is_wide(width: int) -> None:
    found = measure(bar(28, width)).loc[0]
    assert found["thickness"] == width
    assert found["area"] == 28 * width
    assert found["height"] == pytest.approx(0.98 * 28, abs=1e-12)


@pytest.mark.parametrize("radius", [6, 8, 10])
def test_a_ring_is_as_long_as_its_circumference(radius: int) -> None:
    y, x = np.mgrid[:28, :28] - 13.5
    ring = 255 * (abs(np.hypot(y, x) - radius) < 1.5).astype(np.uint8)
    found = measure(ring[None]).loc[0]
    assert found["thickness"] == pytest.approx(3, abs=0.05)
    assert 1 < found["length"] / (2 * np.pi * radius) < 1.13  # steps along a grid are longer than the curve
    assert found["width"] == pytest.approx(found["height"], abs=1e-9)
    assert found["slant"] == pytest.approx(0, abs=1e-9)


def test_thickness_grows_with_the_stroke() -> None:
    thickness = [measure(bar(20, width), ["thickness"]).loc[0, "thickness"] for width in (2, 4, 6, 8)]
    assert all(np.diff(thickness) > 1)


@pytest.mark.parametrize("pixels_per_row", [0.25, 0.5, -0.25, -0.5])
def test_slant_is_the_angle_of_a_leaning_stroke_and_positive_to_the_right(pixels_per_row: float) -> None:
    slant = measure(leaning(pixels_per_row), ["slant"]).loc[0, "slant"]
    assert slant == pytest.approx(np.arctan(pixels_per_row), abs=0.02)


def test_the_classifier_scores_a_left_slant_high() -> None:
    classifier = Registry().get("classifiers", "morpho_mnist")()
    images = torch.from_numpy(np.stack([leaning(-0.5), leaning(0.5), np.zeros_like(leaning(0))]))
    scores = classifier.scores(images, ["thickness", "slant"])
    assert scores.shape == (3, 2)
    assert scores.dtype == np.float64
    assert scores[0, 1] > classifier.cuts["slant"] > 0 > scores[1, 1]
    np.testing.assert_array_equal(scores[2], [0, 0])


# --- degenerate images --------------------------------------------------------------------------------


@pytest.mark.parametrize("grey", [0, 1, 128, 255])
@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (3, 7)])
def test_an_image_without_contrast_shows_no_stroke(grey: int, shape: tuple[int, int]) -> None:
    found = measure(np.full((2, *shape), grey, np.uint8))
    np.testing.assert_array_equal(found, np.zeros((2, 6)))


@pytest.mark.parametrize("at", [(14, 14), (0, 0), (27, 13)])
def test_one_bright_pixel_is_a_dot(at: tuple[int, int]) -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, *at] = 255
    found = measure(image).loc[0]
    assert np.isfinite(found).all()
    assert 1 <= found["area"] <= 2
    assert 1 < found["thickness"] < 2
    assert found["length"] < 1.1
    assert abs(found["slant"]) < 0.01
    assert 2 < found["width"] < 5 and 2 < found["height"] < 5


def test_a_hardly_visible_pixel_is_a_blank() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 14, 14] = 1  # smoothed to less than one grey level
    np.testing.assert_array_equal(measure(image), np.zeros((1, 6)))


def test_any_size_is_measured_and_a_blank_neighbour_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    for shape in ((2, 3), (17, 40), (64, 64), (1, 9), (9, 1)):
        images = rng.integers(0, 256, (3, *shape), np.uint8)
        images[1] = 0
        found = measure(images)
        assert np.isfinite(found).all(axis=None)
        np.testing.assert_array_equal(found.loc[[0, 2]], measure(images[[0, 2]]))


def test_no_images_give_an_empty_table() -> None:
    found = measure(np.zeros((0, 28, 28), np.uint8))
    assert found.shape == (0, 6)


# --- one image at a time, other types, other columns --------------------------------------------------


def test_a_batch_equals_its_images_one_by_one(digits: Bytes) -> None:
    singles = pd.concat([measure(image[None]) for image in digits], ignore_index=True)
    pd.testing.assert_frame_equal(measure(digits), singles, check_exact=True)


def test_tensors_arrays_bytes_and_floats_are_the_same(digits: Bytes) -> None:
    expected = measure(digits)
    scaled = torch.from_numpy(digits)[:, None] / 255
    for images in (torch.from_numpy(digits), scaled, scaled.numpy(), scaled.double().requires_grad_()):
        pd.testing.assert_frame_equal(measure(images), expected, check_exact=True)


@pytest.mark.parametrize("columns", [["slant"], ["area"], ["width", "length"], list(COLUMNS[::-1])])
def test_columns_come_as_asked_and_with_the_same_values(digits: Bytes, columns: list[str]) -> None:
    pd.testing.assert_frame_equal(measure(digits, columns), measure(digits)[columns], check_exact=True)


def test_slant_alone_needs_no_medial_axis(digits: Bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("called")

    monkeypatch.setattr("bench.classifiers.morpho_mnist.measures.medial_axes", never)
    measure(digits, ["slant", "width", "height", "area"])
    with pytest.raises(AssertionError, match="called"):
        measure(digits, ["thickness"])


@pytest.mark.parametrize(
    ("images", "columns", "message"),
    [
        (np.zeros((1, 28, 28), np.uint8), ["slent"], "unknown column 'slent'; known: area, length"),
        (np.zeros((28, 28), np.uint8), None, r"shape \(28, 28\)"),
        (np.zeros((1, 3, 28, 28), np.uint8), None, r"shape \(1, 3, 28, 28\)"),
        (np.zeros((1, 28, 28), np.int64), None, "int64; expected uint8 or floating point"),
        (np.full((1, 28, 28), 255.0), None, r"finite and in \[0, 1\]"),
        (np.full((1, 28, 28), np.nan), None, r"finite and in \[0, 1\]"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    images: NDArray[np.generic], columns: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        measure(images, columns)


# --- the medial axis ----------------------------------------------------------------------------------


@pytest.fixture
def figures() -> NDArray[np.bool_]:
    rng = np.random.default_rng(2)
    blots = ndimage.gaussian_filter(rng.normal(size=(12, 60, 45)), (0, 3, 3)) > 0
    few, many = rng.random((2, 3, 60, 45)) < np.array([0.05, 0.95])[:, None, None, None]
    return np.concatenate([blots, few, many])


def test_the_private_loop_and_the_public_function_agree(figures: NDArray[np.bool_]) -> None:
    # A failure here says that scikit-image has changed, and that measuring now takes the slow way.
    axes, squared = medial_axis._thin_batch(figures)
    expected_axes, expected_squared = medial_axis._thin_each(figures)
    np.testing.assert_array_equal(axes, expected_axes)
    np.testing.assert_array_equal(squared, expected_squared)


def test_a_narrow_frame_changes_nothing(figures: NDArray[np.bool_]) -> None:
    wide = np.zeros((2, 60, 60), bool)
    wide[:, 20:40, 10:50] = figures[:2, :20, :40]
    axes, squared = medial_axis.medial_axes(wide)
    expected_axes, expected_squared = medial_axis._thin_each(wide)
    assert axes.size < expected_axes.size
    np.testing.assert_array_equal(squared[axes], expected_squared[expected_axes])


@pytest.mark.parametrize("error", [ImportError, AttributeError, TypeError])
def test_without_the_private_loop_the_result_is_the_same(
    digits: Bytes, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    expected = measure(digits)

    def gone(_: NDArray[np.bool_]) -> None:
        raise error

    monkeypatch.setattr(medial_axis, "_thin_batch", gone)
    pd.testing.assert_frame_equal(measure(digits), expected, check_exact=True)


@pytest.mark.parametrize("shape", [(40, 40), (5, 300), (300, 5), (1, 9)])
def test_squared_distance_equals_scipy(shape: tuple[int, int]) -> None:
    figures = np.random.default_rng(3).random((*shape, 4)) < np.array([0.5, 0.9, 0.99, 0.999])
    figures[0, 0] = False
    found = medial_axis.squared_distance(figures)
    for index in range(4):
        expected = ndimage.distance_transform_edt(figures[..., index]) ** 2
        np.testing.assert_array_equal(found[..., index], np.rint(expected))
