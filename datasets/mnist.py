"""MNIST through torchvision's reader and layout: <data-dir>/MNIST/raw/*-ubyte (LeCun et al. 1998)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from bench.api import DataError, Dataset, Split, hookimpl, unknown

SPLITS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
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
        if int(digits.max()) > 9:
            raise DataError(
                f"{raw / f'{prefix}-labels-idx1-ubyte'}: holds labels above 9, so it is not MNIST. {REMEDY}"
            )
        pictures = images[:, None]  # (N, 1, 28, 28)
        return Split(
            pd.DataFrame({"digit": digits.numpy()}),
            lambda indices: pictures[torch.from_numpy(indices)],
            sha256(images.numpy().tobytes()).hexdigest(),
        )


def _read(path: Path, shape: tuple[int, ...]) -> Tensor:
    """Read one IDX file with torchvision, whose errors do not name the file."""
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    if not path.is_file():
        raise DataError(f"{path}: no such file. {REMEDY}")
    try:
        found: Any = read_sn3_pascalvincent_tensor(str(path))
    except Exception as error:  # AssertionError, ValueError, KeyError: any parsing error
        raise DataError(f"{path}: truncated, or not an IDX file ({type(error).__name__}). {REMEDY}") from error
    if tuple(found.shape) != shape or found.dtype != torch.uint8:
        raise DataError(
            f"{path}: holds {found.dtype} {tuple(found.shape)}, expected uint8 {shape}. Is it another file? {REMEDY}"
        )
    tensor: Tensor = found
    return tensor


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(Mnist)
