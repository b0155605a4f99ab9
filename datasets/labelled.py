"""Your own labelled pictures, from which an oracle learns a feature: a folder per label, or clicked samples.

The folder that --data-dir names holds one of these:

- a folder of pictures for each label, such as ``scar/`` and ``plain/``; each label is a feature;
- what ``bench sample`` drew, and feedback files of it (``bench feedback FOLDER ... --out FOLDER/clicks.json``); the
  features are what was clicked.

All pictures have one size. Every fifth is held out as the split "test".
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import DataError, Dataset, Split, file_sha256, hookimpl, unknown

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
HELD_OUT = 5  # every fifth picture
PIXELS = 2**24  # of the largest picture, 4096 x 4096: a small file can hold one that fills the memory
SAMPLES, CLICKS = "bench-samples/1", "bench-feedback/1"
HELP = "See `bench show labelled`."
NAME = r"[A-Za-z0-9_.-]+"


class Labelled(Dataset):
    """Pictures and the labels that you gave them."""

    classifier = "mobilenet"
    label = "your labelled pictures"

    @cached_property
    def table(self) -> pd.DataFrame:
        """Per picture, indexed by its path, which labels it has: (N, L) bool."""
        folder = self.data_dir
        if folder is None:
            raise DataError(f"your labelled pictures are needed, but no folder is given: --data-dir FOLDER. {HELP}")
        if not folder.is_dir():
            raise DataError(f"--data-dir {folder}: is not a folder. {HELP}")
        table = _clicked(folder) if (folder / "samples.json").exists() else _sorted_by_folder(folder)
        table.index = pd.Index([folder / name for name in table.index])
        return table

    @property
    def features(self) -> tuple[str, ...]:  # type: ignore[override]  # what the files say
        """The labels."""
        return tuple(map(str, self.table.columns))

    @property
    def feature_attributes(self) -> Mapping[str, tuple[str, bool]]:  # type: ignore[override]
        """Each label is an attribute of its name."""
        return {name: (name, True) for name in self.features}

    @cached_property
    def image_shape(self) -> tuple[int, int, int]:  # type: ignore[override]
        """(C, H, W) of the first picture: 1 channel if it is grey, else 3."""
        channels, height, width = _read(self.table.index[0]).shape
        return channels, height, width

    def split(self, name: str) -> Split:
        """Return the "train" or the "test" split."""
        held_out = np.arange(len(self.table)) % HELD_OUT == HELD_OUT - 1
        parts = {"train": ~held_out, "test": held_out}
        if name not in parts:
            raise unknown("split", name, parts, "split")
        table = self.table[parts[name]]
        files, names = list(table.index), [path.name for path in table.index]
        content = [names, table.to_numpy().tolist(), list(table.columns), [file_sha256(path) for path in files]]

        def read(indices: NDArray[np.int64]) -> Tensor:
            pictures = [self._picture(files[i]) for i in indices]
            return torch.stack(pictures) if pictures else torch.zeros(0, *self.image_shape, dtype=torch.uint8)

        return Split(table.reset_index(drop=True), read, sha256(json.dumps(content).encode()).hexdigest())

    def _picture(self, path: Path) -> Tensor:
        found = _read(path)
        if tuple(found.shape) != self.image_shape:
            raise DataError(
                f"{path}: has (C, H, W) = {tuple(found.shape)}; the first picture, {self.table.index[0]}, has "
                f"{self.image_shape}. Make all pictures of one size, and all grey or all in colour"
            )
        return found


def _sorted_by_folder(folder: Path) -> pd.DataFrame:
    """Return the labels of pictures that lie in a folder for each label."""
    labels = sorted(path.name for path in folder.iterdir() if path.is_dir() and _pictures(path))
    if len(labels) < 2:
        raise DataError(
            f"--data-dir {folder}: holds {len(labels)} folders with pictures; at least two are needed, such as "
            f"{folder / 'scar'} and {folder / 'plain'}. {HELP}"
        )
    if wrong := [name for name in labels if not re.fullmatch(NAME, name)]:
        raise DataError(f"{folder / wrong[0]}: a label may contain only letters, digits, '_', '.' and '-'. Rename it")
    files = {f"{label}/{path.name}": label for label in labels for path in _pictures(folder / label)}
    return pd.DataFrame({label: [of == label for of in files.values()] for label in labels}, index=list(files))


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != ".")


def _clicked(folder: Path) -> pd.DataFrame:
    """Return the labels of samples that ``bench sample`` drew, from the feedback files next to them."""
    drawn = _json(folder / "samples.json")
    count = drawn.get("count")
    if drawn.get("format") != SAMPLES or type(count) is not int or count < 1:
        raise DataError(f"{folder / 'samples.json'}: was not written by `bench sample` of this version. {HELP}")
    names = sorted(path.name for path in folder.glob("[0-9]*.png"))
    if len(names) != count or names[-1] != f"{count - 1:06d}.png":
        raise DataError(f"{folder}: holds {len(names)} pictures, not {count} samples as drawn. Draw them again")
    columns: dict[str, list[bool]] = {}
    for path in sorted(folder.glob("*.json")):
        stored = _json(path)
        if stored.get("format") != CLICKS:
            continue
        same = ("weights_sha256", "noise_sha256", "stream", "count")
        if differing := [name for name in same if stored.get(name) != drawn.get(name)]:
            raise DataError(f"{path}: is about other samples than those in {folder} ({differing[0]} differs)")
        for name, numbers in _clicks_of(path, stored).items():
            if name in columns:
                raise DataError(f"{path}: '{name}' was clicked in another file of this folder too. Remove one of them")
            columns[name] = _labels(path, name, numbers, count)
    if not columns:
        raise DataError(
            f"--data-dir {folder}: holds samples but no feedback file. Click, then: bench feedback {folder} --clicked "
            f"LIST --feature NAME --out {folder / 'clicks.json'}"
        )
    return pd.DataFrame(columns, index=names)


def _clicks_of(path: Path, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return which samples were clicked, by feature."""
    feature, also = stored.get("feature"), stored.get("also", {})
    if not isinstance(feature, str) or "positive" not in stored or not isinstance(also, dict) or feature in also:
        raise DataError(
            f"{path}: is not a feedback file as `bench feedback` writes it (feature, positive, also). Make it again"
        )
    return {feature: stored["positive"], **also}


def _labels(path: Path, name: str, numbers: Any, count: int) -> list[bool]:
    if not isinstance(numbers, list) or not all(type(i) is int and 0 <= i < count for i in numbers):
        raise DataError(f"{path}: what is clicked for '{name}' is not a list of samples, 0 to {count - 1}")
    positive = set(numbers)
    return [i in positive for i in range(count)]


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a readable JSON file ({error})") from error
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> Tensor:
    """Read a picture: (1, H, W) or (3, H, W) uint8."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:  # Pillow warns of large ones
            if picture.width * picture.height > PIXELS:
                raise ValueError(f"{picture.width} x {picture.height} pixels are more than {PIXELS:,}")
            picture.load()
            return _tensor(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: not a readable picture ({error})") from error


def _tensor(picture: Image) -> Tensor:
    pixels = np.array(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))
    tensor: Tensor = torch.from_numpy(pixels if pixels.ndim == 3 else pixels[..., None]).permute(2, 0, 1).contiguous()
    return tensor


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(Labelled)
