"""MNIST through torchvision's reader and layout: <data-dir>/MNIST/raw/*-ubyte (LeCun et al. 1998)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import DataError, Dataset, Split, WrongData, file_sha256, hookimpl, unknown

# sha256 of the four files of LeCun et al., uncompressed; their well-known md5 are 6bbc9ace898e44ae57da46a324031adb,
# a25bea736e30d166cdddb491f175f624, 2646ac647ad5339dbf082846283269ea and 27ae3e4e09519cfbb04c329615203637.
PUBLISHED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SPLITS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
SCALE = 4  # strokes are thinned at so many times the size
REMEDY = (
    "Download MNIST with:\n"
    "    python -c \"from torchvision.datasets import MNIST; MNIST('data', download=True)\"\n"
    "Then pass --data-dir data, or set BENCH_DATA=data."
)


class Mnist(Dataset):
    """28x28 grey digits; the attribute is the digit; the oracle measures thickness and slant."""

    image_shape = (1, 28, 28)
    classifier = "morpho_mnist"
    features = ("thickness", "slant")
    label = "MNIST (real)"
    extractors = ("digits",)

    def split(self, name: str) -> Split:
        """Read the "train" (60,000) or "test" (10,000) split."""
        if name not in SPLITS:
            raise unknown("split", name, SPLITS, "split")
        prefix, count = SPLITS[name]
        if self.data_dir is None:
            raise DataError(f"MNIST is needed, but no data folder is given (--data-dir or BENCH_DATA). {REMEDY}")
        raw = self.data_dir / "MNIST" / "raw"
        images = _read(raw / f"{prefix}-images-idx3-ubyte", (count, 28, 28))
        digits = _read(raw / f"{prefix}-labels-idx1-ubyte", (count,))
        pictures = images[:, None]  # (N, 1, 28, 28)
        return Split(
            pd.DataFrame({"digit": digits.numpy()}),
            lambda indices: pictures[torch.from_numpy(indices)],
            self.identity(name),
        )

    def identity(self, split: str) -> str:
        """Return the sha256 of the images file: ``split`` reads no other."""
        if split not in SPLITS:
            raise unknown("split", split, SPLITS, "split")
        return PUBLISHED[f"{SPLITS[split][0]}-images-idx3-ubyte"]

    def lowered(self, images: Tensor, feature: str, by: NDArray[np.float64]) -> Tensor:
        """Thin strokes by so many pixels, or shear digits to the right by so many radians."""
        change = {"thickness": _thinner, "slant": _sheared}[feature]
        pictures = images[:, 0].numpy() / 255.0
        changed = np.stack([change(picture, float(much)) for picture, much in zip(pictures, by, strict=True)])
        return torch.from_numpy((changed.clip(0, 1) * 255).round().astype(np.uint8))[:, None]


def _thinner(picture: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    """Erode the strokes of a digit (H, W) in [0, 1], drawn ``SCALE`` times as large, by half of ``by`` on each side."""
    from scipy import ndimage

    large = ndimage.zoom(picture, SCALE, order=1, mode="nearest", grid_mode=True)
    depth = ndimage.distance_transform_edt(large >= (large.min() + large.max()) / 2) / SCALE  # px to the background
    core = depth > by / 2 if depth.max() > by / 2 else depth == depth.max()
    height, width = picture.shape
    thin: NDArray[np.float64] = core.reshape(height, SCALE, width, SCALE).mean(axis=(1, 3))
    return thin


def _sheared(picture: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    """Shear a digit (H, W) in [0, 1] about its centre, so that it leans ``by`` radians further to the right."""
    from scipy import ndimage

    y, x = np.indices(picture.shape)
    mass = picture.sum() or 1.0
    y0, x0 = (y * picture).sum() / mass, (x * picture).sum() / mass
    lean = -((x - x0) * (y - y0) * picture).sum() / (((y - y0) ** 2 * picture).sum() or 1.0)  # tangent, to the right
    shear = np.tan(np.arctan(lean) + by) - lean
    sheared: NDArray[np.float64] = ndimage.affine_transform(
        picture, np.array([[1, 0], [shear, 1]]), offset=(0, -shear * y0), order=1
    )
    return sheared


def _read(path: Path, shape: tuple[int, ...]) -> Tensor:
    """Read one IDX file with torchvision, whose errors do not name the file."""
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    if not path.is_file():
        raise DataError(f"{path}: no such file. {REMEDY}")
    try:
        found: Any = read_sn3_pascalvincent_tensor(str(path))
    except Exception as error:  # AssertionError, ValueError, KeyError: any parsing error
        raise WrongData(f"{path}: truncated, or not an IDX file ({type(error).__name__}). {REMEDY}") from error
    if tuple(found.shape) != shape or found.dtype != torch.uint8:
        raise WrongData(
            f"{path}: holds {found.dtype} {tuple(found.shape)}, expected uint8 {shape}. Is it another file? {REMEDY}"
        )
    digest = file_sha256(path)
    if digest != PUBLISHED[path.name]:
        raise WrongData(
            f"{path}: is damaged or of another data set: it is not the file that MNIST's authors published (its sha256 "
            f"is {digest[:12]}..., theirs is {PUBLISHED[path.name][:12]}...). "
            f"Another data set is a plug-in of its own: bench new dataset NAME. {REMEDY}"
        )
    tensor: Tensor = found
    return tensor


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(Mnist)
