"""Copies of the shown pictures, recognised by their pixels: renamed, in subfolders, or saved as JPEG.

A copy in a lossless format must have every pixel of a sample. A JPEG must be what the sample becomes when it is saved
as a JPEG with the same tables, within ``TOLERANCE``: other encoders round differently. So a picture of another
generator is refused, even of an unlearned one whose samples look alike.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from bench.core import limits
from bench.core.rendering import chunks
from bench.errors import UsageError
from bench.workspace.pictures import sample_name

TOLERANCE = 3.0  # root mean square, in grey levels of 0..255; the JPEG's own loss at quality 75 is 5 to 8
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
LEFT_BY_SYSTEMS = {".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".directory", "__macosx", "@eadir", "icon\r"}
Pixels = NDArray[np.uint8]


def copied_numbers(clicked: Path, shown: Path, count: int, flag: str) -> list[int]:
    """Return the samples of which a folder holds copies, each once, in ascending order; see ``clicked_numbers``.

    Pictures in subfolders count too; what operating systems leave in folders is ignored.

    Raises
    ------
    UsageError
        Naming the picture: it cannot be read, is not a copy of a sample, or is a copy of several equal samples and its
        name is not one of theirs. Naming the sample: its own picture is missing or damaged.
    """
    if clicked.resolve() == shown.resolve():
        raise UsageError(f"{flag}{clicked}: is the folder of all samples. Copy the clicked ones into another folder")
    try:
        files = list(_files(clicked))
    except OSError as error:
        raise UsageError(f"{flag}{clicked}: {error.filename} cannot be read ({error.strerror})") from error
    if not files:
        return []
    samples = _Samples(shown, count)
    found: set[int] = set()
    for file in files:
        where = f"{flag}{clicked}: {file.relative_to(clicked)}"
        found.add(_one(samples.like(_opened(file, where), where), file, where, shown))
    return sorted(found)


def _one(numbers: list[int], file: Path, where: str, shown: Path) -> int:
    """Return the sample that a picture is a copy of; its name decides between equal samples."""
    if len(numbers) == 1:
        return numbers[0]
    if not numbers:
        raise UsageError(
            f"{where}: is not a copy of a sample in {shown}. Copy the samples' own pictures, or list the clicked "
            "samples in a text file, one number per line"
        )
    name = re.match(r"\d{1,9}(?!\d)", file.name)
    if name and int(name[0]) in numbers:
        return int(name[0])
    equal = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    raise UsageError(
        f"{where}: the samples {equal} look the same. Name it after the one that you mean: {sample_name(numbers[0])}"
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders, without what operating systems leave there."""
    for path in sorted(folder.iterdir()):
        if path.name.lower() in LEFT_BY_SYSTEMS or path.name.startswith("._"):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _opened(file: Path, where: str) -> Image.Image:
    """Read a picture whole; raises UsageError for anything else."""
    if not file.is_file():  # a named pipe would block, a linked folder can be a circle
        raise UsageError(f"{where}: is not a regular file")
    try:
        return _read(file)
    except Exception as error:  # Pillow raises many kinds for damaged files
        raise UsageError(f"{where}: is not a picture that can be read ({error})") from error


def _read(file: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(file.read_bytes()), formats=FORMATS) as image:
            if image.width * image.height > limits.PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are more than {limits.PIXELS:,}")
            image.load()
            return image


def _pixels(image: Image.Image, mode: str = "RGBA") -> Pixels:
    return np.asarray(image.convert(mode)).reshape(-1)


class _Samples:
    """The shown pictures, each once, and which samples look so.

    Parameters
    ----------
    folder : Path
    count : int
        The samples are 0..count-1.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.pictures: list[Image.Image] = []
        self.numbers: list[list[int]] = []
        self._places: dict[bytes, int] = {}  # by the hash of their pixels
        self._stacks: dict[str, Pixels] = {}
        for number in range(count):
            picture = _shown(folder / sample_name(number))
            place = self._places.setdefault(_hash(picture), len(self.pictures))
            if place == len(self.pictures):
                self.pictures.append(picture)
                self.numbers.append([])
            self.numbers[place].append(number)

    def like(self, image: Image.Image, where: str) -> list[int]:
        """Return the samples that a picture is a copy of."""
        size = self.pictures[0].size
        if image.size != size:
            raise UsageError(
                f"{where}: has {image.size[0]} x {image.size[1]} pixels, but the samples have {size[0]} x {size[1]}"
            )
        exact = self._places.get(_hash(image))
        if exact is not None:
            return self.numbers[exact]
        if not isinstance(image, JpegImageFile) or image.mode not in ("L", "RGB"):
            return []
        return [number for place in self._saved_as(image) for number in self.numbers[place]]

    def _saved_as(self, jpeg: JpegImageFile) -> list[int]:
        """Return the places of the pictures that become this JPEG when they are saved as it was."""
        pixels = _pixels(jpeg, jpeg.mode)
        distances = _distances(self._stack(jpeg.mode), pixels)
        candidates = np.flatnonzero(distances <= distances.min() + TOLERANCE)
        return [int(i) for i in candidates if _is_close(_saved_like(self.pictures[i], jpeg), pixels)]

    def _stack(self, mode: str) -> Pixels:
        """Return the pictures in the mode of a JPEG: (P, pixels)."""
        if mode not in self._stacks:
            self._stacks[mode] = np.empty((len(self.pictures), len(_pixels(self.pictures[0], mode))), np.uint8)
            for row, picture in zip(self._stacks[mode], self.pictures, strict=True):
                row[:] = _pixels(picture, mode)
        return self._stacks[mode]


def _hash(image: Image.Image) -> bytes:
    return sha256(_pixels(image).tobytes()).digest()


def _distances(pictures: Pixels, other: Pixels) -> NDArray[np.float32]:
    """Return the root mean square difference (P,) of pictures (P, pixels) from another one, in grey levels."""
    parts = (pictures[start:stop].astype(np.float32) - other for start, stop in chunks(len(pictures)))
    return np.concatenate([np.sqrt(np.square(part).mean(1)) for part in parts])


def _shown(path: Path) -> Image.Image:
    try:
        return _read(path)
    except Exception as error:
        raise UsageError(
            f"{path}: the sample's picture is missing or damaged ({error}). Draw the samples again with the same "
            f"`bench sample` command"
        ) from error


def _is_close(one: Pixels | None, other: Pixels) -> bool:
    return one is not None and bool(np.square(one.astype(np.float64) - other).mean() <= TOLERANCE**2)


def _saved_like(picture: Image.Image, jpeg: JpegImageFile) -> Pixels | None:
    """Return a picture's pixels after it was saved with the tables and the subsampling of a JPEG; None if it cannot."""
    sampling = JpegImagePlugin.get_sampling(jpeg)
    options = {} if sampling == -1 else {"subsampling": sampling}
    buffer = io.BytesIO()
    try:
        picture.convert(jpeg.mode).save(buffer, "JPEG", qtables=jpeg.quantization, **options)
        with Image.open(buffer) as again:
            return _pixels(again, jpeg.mode)
    except (OSError, ValueError, TypeError):  # tables that are not a usual JPEG's
        return None
