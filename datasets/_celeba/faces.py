"""The data sets: splits, attributes, and photographs that are read, cropped and shrunk on demand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar
from zipfile import Path as ZipPath

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import DataError, Dataset, Split, WrongData, unknown

from .decoded import Decoded
from .files import Place, folder_of_photographs, open_folder, sizes
from .looking import damaged, half_unpacked
from .tables import content, read_attributes, read_parts, require_no_page_if_there

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
    the paper's Table 1 counts every image; classifiers from "train", so that "test" is new to them. Where a part of the
    photographs is here, a split is that part of it.
    """

    classifier = "mobilenet"
    features = ("bang", "beard")
    feature_attributes: ClassVar[Mapping[str, tuple[str, bool]]] = MappingProxyType(
        {"bang": ("Bangs", True), "beard": ("No_Beard", False)}
    )
    extractors = ("inception",)
    training_split: ClassVar[str] = ALL
    title: ClassVar[str]
    remedy: ClassVar[str]

    @property
    def label(self) -> str:  # type: ignore[override]
        """The name of the data in captions: with the number of photographs, if they are here."""
        try:
            return f"{self.title}, {len(self._here):,} photographs"
        except DataError:
            return f"{self.title} (real photographs)"

    @property
    @abstractmethod
    def root(self) -> Place:
        """The folder of the data set, on disk or in an archive."""

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

    @abstractmethod
    def require_size(self, width: int, height: int) -> None:
        """Raise ValueError for another size than a photograph is expected to have, px."""

    def split(self, name: str) -> Split:
        """Read a split's attributes: bool, one row per image by number. Photographs are read on demand."""
        _require_split(name)
        table = self.table
        if name == ALL:
            require_no_page_if_there(self.parts_file, self.remedy)
        else:
            table = table[[part == name for part in self._parts]]
        try:
            here, code = self._here, self.identity(name)
            table = table[table.index.isin(here)]
        except WrongData:
            raise
        except DataError:  # attributes can be counted without photographs
            code = self._hashed(name)
        return Split(table.reset_index(drop=True), Photographs(self, [str(file) for file in table.index]), code)

    def identity(self, split: str) -> str:
        """Hash the tables, and the name and the size in bytes of every photograph; their pixels are not read."""
        _require_split(split)
        listed = sizes(folder_of_photographs(self.folder, self.remedy))
        return self._hashed(split, "\n".join(f"{name} {size}" for name, size in listed.items()))

    def untested(self) -> str | None:
        """Say that no photograph is in the split test: its photographs have the highest numbers."""
        try:
            if len(self.split("test")) or not self._here:
                return None
        except DataError:  # no photographs: told elsewhere
            return None
        test = (name for name, part in zip(self.table.index, self._parts, strict=True) if part == "test")
        first = next(test, None)
        numbers = "which has no row in it" if first is None else f"{first} is the first of it"
        wanted = "" if first is None else f"add photographs from {first} on, or "
        return (
            f"{folder_of_photographs(self.folder, self.remedy)}: holds no photograph of the split test ({numbers}; "
            f"{self.parts_file.name}). Oracles and extractors are trained, but their accuracy is not measured. To "
            f"measure it, {wanted}give photographs the split test in a {self.parts_file.name} of your own"
        )

    def damaged(self) -> str | None:
        """Look at the header and the end of every photograph; 10,000 take a second of CPU time."""
        return self._damaged

    def left_out(self) -> str | None:
        """Say that an archive holds more photographs than the folder next to it, which is read."""
        try:
            here = len(sizes(folder_of_photographs(self.folder, self.remedy)))
            found = (half_unpacked(each, here) for each in (self.folder, self.root))
            return next(filter(None, found), None)
        except DataError:  # no photographs: told elsewhere
            return None

    def _hashed(self, split: str, photographs: str = "") -> str:
        tables = [self.table_file, *([] if split == ALL else [self.parts_file])]
        read = [sha256(content(file, self.remedy)).hexdigest() for file in tables]
        return sha256(f"{split} {self.image_shape} {read} {photographs}".encode()).hexdigest()

    @cached_property
    def _here(self) -> list[str]:
        """Return the photographs that are here and have attributes; raises DataError if there are none."""
        folder = folder_of_photographs(self.folder, self.remedy)
        found = [name for name in sizes(folder) if name in self.table.index]
        if not found:
            raise WrongData(f"{folder}: {self.table_file.name} has no row for any photograph in it. {self.remedy}")
        return found

    @cached_property
    def _damaged(self) -> str | None:
        folder = folder_of_photographs(self.folder, self.remedy)
        return damaged(folder, self._here, self.require_size, self.remedy)

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
        return Decoded(self.prepare)

    def require_data_dir(self) -> Path:
        """Return the folder of data sets; raises DataError if none was given."""
        if self.data_dir is None:
            raise DataError(
                f"{self.title} is needed, but no data folder is given (--data-dir or BENCH_DATA). {self.remedy}"
            )
        return self.data_dir


def _require_split(name: str) -> None:
    if name not in (ALL, *PARTS):
        raise unknown("split", name, (ALL, *PARTS), "split")


class CelebA(FaceDataset):
    """CelebA as it is downloaded: of the aligned images, 178 x 218 px, the 128 x 128 px about the face.

    In torchvision's layout, in the authors' (folders Img, Anno, Eval) or in Kaggle's (CSV tables, a folder twice
    nested), unpacked or not. For smaller images, blocks of pixels are averaged (a box filter, as in the progressive
    GAN's training). A plug-in sets ``image_shape``.
    """

    title = "CelebA"
    remedy = (
        "Download CelebA from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, or with:\n"
        "    python -c \"from torchvision.datasets import CelebA; CelebA('data', download=True)\"  # needs gdown\n"
        "Put it in data/celeba: img_align_celeba/*.jpg (or img_align_celeba.zip, not unpacked), "
        "list_attr_celeba.txt and list_eval_partition.txt. Kaggle's archive, whose tables are CSV, "
        "will do too: unpack it in data/celeba, or put it at data/celeba.zip. "
        "Then pass --data-dir data, or set BENCH_DATA=data."
    )

    @cached_property
    def root(self) -> Place:
        """The folder celeba, on disk or in Kaggle's archive."""
        folder = self.require_data_dir() / "celeba"
        return open_folder(folder, self.remedy) if folder.with_name("celeba.zip").exists() else folder

    @property
    def table_file(self) -> Place:
        return self._table("list_attr_celeba", "Anno")

    @cached_property
    def folder(self) -> Place:
        """The folder with the photographs, or one around it."""
        if isinstance(self.root, ZipPath):
            return self.root
        places = [self.root / "img_align_celeba", self.root / "Img" / "img_align_celeba"]
        there = [place for place in places if place.is_dir() or place.with_name(f"{place.name}.zip").is_file()]
        return open_folder(there[0] if there else places[0], self.remedy)

    @property
    def parts_file(self) -> Place:
        return self._table("list_eval_partition", "Eval")

    def parts(self) -> dict[str, str]:
        """Read the table of splits: an image and 0, 1 or 2 on each line."""
        return read_parts(self.parts_file, PARTS, self.remedy)

    def require_size(self, width: int, height: int) -> None:
        if (width, height) != ALIGNED:
            raise ValueError(f"has {width} x {height} px, not {ALIGNED[0]} x {ALIGNED[1]} as in img_align_celeba")

    def prepare(self, photograph: Image) -> Image:
        self.require_size(*photograph.size)
        return shrink(photograph.crop(FACE), self.image_shape[2])

    def _table(self, stem: str, folder: str) -> Place:
        """Return a table, as text or as CSV; the first name if there is none."""
        places = [place / f"{stem}.{end}" for place in (self.root, self.root / folder) for end in ("txt", "csv")]
        return next((place for place in places if place.exists()), places[0])


class Photographs:
    """Reads a split's photographs by index.

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
        """The folder with the photographs; raises DataError if there is none."""
        return folder_of_photographs(self.faces.folder, self.faces.remedy)


def shrink(photograph: Image, size: int) -> Image:
    """Shrink a square photograph to ``size`` px by averaging whole blocks; raises ValueError if they don't fit."""
    require_blocks(*photograph.size, size)
    return photograph.reduce(photograph.width // size)


def require_blocks(width: int, height: int, size: int) -> None:
    """Raise ValueError unless a photograph is a square of whole blocks, ``size`` a side."""
    if width != height or width % size:
        raise ValueError(f"has {width} x {height} px; expected a square of {size}, {2 * size} or {4 * size} px")
