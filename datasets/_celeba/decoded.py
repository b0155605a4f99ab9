"""Keep decoded photographs in memory: a training reads each a hundred times, and decoding takes longer than a step on
it.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bench.api import WrongData

from .files import Place
from .looking import REPLACE

if TYPE_CHECKING:
    from PIL.Image import Image

KEPT = 2_500_000_000  # bytes: all of CelebA at 64 px; what comes after that is decoded every time


class Decoded:
    """A data set's photographs, kept in memory after the first read.

    Parameters
    ----------
    prepare : callable
        Crops and shrinks a photograph; raises ValueError for one of another size than expected.
    """

    def __init__(self, prepare: Callable[[Image], Image]) -> None:
        self.prepare = prepare
        self.images: dict[str, Tensor] = {}
        self.kept = 0  # bytes

    def image(self, file: Place) -> Tensor:
        """Return a photograph, (C, H, W) uint8; raises DataError, naming the file, if it cannot be read."""
        if file.name in self.images:
            return self.images[file.name]
        image = self._read(file)
        if self.kept + image.nbytes <= KEPT:
            self.images[file.name] = image
            self.kept += image.nbytes
        return image

    def _read(self, file: Place) -> Tensor:
        from PIL import UnidentifiedImageError
        from PIL.Image import open as open_image

        try:
            with open_image(BytesIO(file.read_bytes()), formats=["JPEG"]) as photograph:
                pixels = np.array(self.prepare(photograph).convert("RGB"))  # (H, W, 3)
        except Exception as error:  # OSError, BadZipFile, zlib.error: any parsing error
            reason = "not a JPEG image" if isinstance(error, UnidentifiedImageError) else error
            remedy = REPLACE.format("this file")
            raise WrongData(f"{file}: damaged, or not the photograph expected: {reason}. {remedy}") from error
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
