"""The data sets: splits, attributes, and photographs that are read, cropped and shrunk on demand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import DataError, Dataset, Split, WrongData, unknown

from .decoded import Decoded
from .files import Place, content, open_folder, read_attributes, rows, sizes

if TYPE_CHECKING:
    from PIL.Image import Image

ALL = "all"
PARTS = ("train", "valid", "test")  # 0, 1 and 2 in list_eval_partition.txt
ALIGNED = (178, 218)  # width and height of img_align_celeba, px
# Left, top, right, bottom of the faces: 128 px about (89, 121), as the authors of the progressive GAN crop CelebA
# (create_celeba in their dataset_tool.py) and as pytorch_GAN_zoo does for its released model (datasets.py, b75dee4).
FACE = (25, 57, 153, 185)


class FaceDataset(Dataset):
    """Photographs of faces with CelebA's attributes; "bang" is Bangs, "beard" is not No_Beard.

    Splits are CelebA's "train", "valid" and "test", which share no person, and "all". Generators learn from "all", as
    the paper's Table 1 counts every image; classifiers from "train", so that "test" is new to them.
    """

    classifier = "mobilenet"
    features = ("bang", "beard")
    feature_attributes: ClassVar[Mapping[str, tuple[str, bool]]] = MappingProxyType(
        {"bang": ("Bangs", True), "beard": ("No_Beard", False)}
    )
    extractors = ("inception",)
    training_split: ClassVar[str] = ALL
    remedy: ClassVar[str]

    @property
    @abstractmethod
    def table_file(self) -> Place:
        """The file with the attributes."""

    @property
    @abstractmethod
    def folder(self) -> Place:
        """The folder with the photographs."""

    @property
    @abstractmethod
    def parts_file(self) -> Place:
        """The file that says which split an image is in."""

    @abstractmethod
    def parts(self) -> dict[str, str]:
        """Read ``parts_file``: one of ``PARTS`` by file name."""

    @abstractmethod
    def prepare(self, photograph: Image) -> Image:
        """Crop and resize to ``image_shape``; raises ValueError for a photograph of another size than expected."""

    def split(self, name: str) -> Split:
        """Read a split's attributes: bool, one row per image by number. Photographs are read on demand."""
        _require_split(name)
        table = self.table
        if name != ALL:
            table = table[[part == name for part in self._parts]]
        names = [str(file) for file in table.index]
        try:
            code = self.identity(name)
        except DataError:  # attributes can be counted without photographs
            code = self._hashed(name)
        return Split(table.reset_index(drop=True), Photographs(self, names), code)

    def identity(self, split: str) -> str:
        """Hash the tables, and the name and the size in bytes of every photograph; their pixels are not read."""
        _require_split(split)
        return self._hashed(split, sizes(self.folder, self.remedy))

    def _hashed(self, split: str, photographs: str = "") -> str:
        tables = [self.table_file, *([] if split == ALL else [self.parts_file])]
        read = [sha256(content(file, self.remedy)).hexdigest() for file in tables]
        return sha256(f"{split} {self.image_shape} {read} {photographs}".encode()).hexdigest()

    @cached_property
    def table(self) -> pd.DataFrame:
        """Attributes of all images: bool, by file name in the order of their numbers."""
        return read_attributes(self.table_file, [name for name, _ in self.feature_attributes.values()], self.remedy)

    @cached_property
    def _parts(self) -> list[str]:
        parts = self.parts()
        for name in self.table.index:
            if name not in parts:
                raise WrongData(f"{self.parts_file}: has no row for {name}. {self.remedy}")
        return [parts[name] for name in self.table.index]

    @cached_property
    def decoded(self) -> Decoded:
        """The photographs that were read so far; all splits share them."""
        return Decoded(self)

    def require_data_dir(self) -> Path:
        """Return the folder of data sets; raises DataError if none was given."""
        if self.data_dir is None:
            raise DataError(
                f"{self.label} is needed, but no data folder is given (--data-dir or BENCH_DATA). {self.remedy}"
            )
        return self.data_dir


def _require_split(name: str) -> None:
    if name not in (ALL, *PARTS):
        raise unknown("split", name, (ALL, *PARTS), "split")


class CelebA(FaceDataset):
    """CelebA in torchvision's layout: of the aligned images, 178 x 218 px, the 128 x 128 px about the face.

    For smaller images, blocks of pixels are averaged (a box filter, as in the progressive GAN's training). A plug-in
    sets ``image_shape``.
    """

    label = "CelebA (real photographs)"
    remedy = (
        "Download CelebA from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, or with:\n"
        "    python -c \"from torchvision.datasets import CelebA; CelebA('data', download=True)\"  # needs gdown\n"
        "Put it in data/celeba: img_align_celeba/*.jpg (or img_align_celeba.zip, not unpacked), "
        "list_attr_celeba.txt and list_eval_partition.txt. Then pass --data-dir data, or set BENCH_DATA=data."
    )

    @property
    def table_file(self) -> Path:
        return self.require_data_dir() / "celeba" / "list_attr_celeba.txt"

    @property
    def folder(self) -> Place:
        return open_folder(self.require_data_dir() / "celeba" / "img_align_celeba", self.remedy)

    @property
    def parts_file(self) -> Path:
        return self.require_data_dir() / "celeba" / "list_eval_partition.txt"

    def parts(self) -> dict[str, str]:
        """Read list_eval_partition.txt: an image and 0, 1 or 2 on each line."""
        parts = {}
        for line, (name, code) in rows(self.parts_file, 2, self.remedy):
            if code not in ("0", "1", "2"):
                raise WrongData(f"{self.parts_file}: line {line}: {code!r} is not a split (0, 1 or 2). {self.remedy}")
            parts[name] = PARTS[int(code)]
        return parts

    def prepare(self, photograph: Image) -> Image:
        if photograph.size != ALIGNED:
            raise ValueError(f"has {photograph.width} x {photograph.height} px, not {ALIGNED[0]} x {ALIGNED[1]}")
        return shrink(photograph.crop(FACE), self.image_shape[2])


class Photographs:
    """Reads a split's photographs by index; the first call checks that none is missing.

    Parameters
    ----------
    faces : FaceDataset
    names : list of str
        File names, in order.
    """

    def __init__(self, faces: FaceDataset, names: list[str]) -> None:
        self.faces, self.names = faces, names

    def __call__(self, indices: NDArray[np.int64]) -> Tensor:
        """Map indices (B,) to images (B, C, H, W) uint8; raises DataError, naming the first bad file."""
        folder, decoded = self.folder, self.faces.decoded
        return torch.stack([decoded.image(folder / self.names[index]) for index in indices.tolist()])

    @cached_property
    def folder(self) -> Place:
        """The folder with the photographs; raises DataError if any is missing."""
        folder = self.faces.folder
        missing = set(self.names) - {file.name for file in folder.iterdir()}
        if missing:
            raise WrongData(
                f"{folder}: lacks {len(missing)} of {len(self.names)} photographs, for instance {min(missing)}. "
                f"{self.faces.remedy}"
            )
        return folder


def shrink(photograph: Image, size: int) -> Image:
    """Shrink a square photograph to ``size`` px by averaging whole blocks; raises ValueError if they don't fit."""
    width, height = photograph.size
    if width != height or width % size:
        raise ValueError(f"has {width} x {height} px; expected a square of {size}, {2 * size} or {4 * size} px")
    return photograph.reduce(width // size)
