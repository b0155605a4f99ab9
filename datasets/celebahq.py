"""CelebA-HQ at 256 px, read from CelebAMask-HQ's layout: a folder, or the zip as it comes (Karras et al. 2018).

30,000 photographs of 1024 px (Karras et al., arXiv 1710.10196), no crop, 4 x 4 blocks averaged. Attributes are
CelebAMask-HQ's (Lee et al., arXiv 1907.11922), which are CelebA's; so is the split, by the number of the photograph in
CelebA. The paper (arXiv 2303.05699, Figure 1) states no size; 256 px is ours.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from bench.api import WrongData, hookimpl

from ._celeba.faces import PARTS, FaceDataset, require_blocks, shrink
from ._celeba.files import Place, open_folder
from ._celeba.tables import rows

if TYPE_CHECKING:
    from PIL.Image import Image

ENDS = (162_770, 182_637, 202_599)  # last photograph of CelebA's train, valid and test split


class CelebAHQ(FaceDataset):
    """30,000 photographs."""

    image_shape = (3, 256, 256)
    title = "CelebA-HQ"
    remedy = (
        "Download CelebA-HQ with its attributes as CelebAMask-HQ: https://github.com/switchablenorms/CelebAMask-HQ. "
        "Put the archive, not unpacked, at data/CelebAMask-HQ.zip, or its content in data/CelebAMask-HQ: "
        "CelebA-HQ-img/*.jpg, CelebAMask-HQ-attribute-anno.txt and CelebA-HQ-to-CelebA-mapping.txt. "
        "Then pass --data-dir data, or set BENCH_DATA=data."
    )

    @cached_property
    def root(self) -> Place:
        """The folder CelebAMask-HQ, on disk or in the archive."""
        return open_folder(self.require_data_dir() / "CelebAMask-HQ", self.remedy)

    @property
    def table_file(self) -> Place:
        return self.root / "CelebAMask-HQ-attribute-anno.txt"

    @property
    def folder(self) -> Place:
        return self.root / "CelebA-HQ-img"

    @property
    def parts_file(self) -> Place:
        return self.root / "CelebA-HQ-to-CelebA-mapping.txt"

    def parts(self) -> dict[str, str]:
        """Read CelebA-HQ-to-CelebA-mapping.txt: number here, number in CelebA from 0, file name in CelebA."""
        parts = {}
        for line, (number, _, original) in rows(self.parts_file, 3, self.remedy, skip=1):
            found = re.fullmatch(r"(\d{6})\.jpg", original)
            if found is None or not 1 <= int(found[1]) <= ENDS[-1]:
                raise WrongData(
                    f"{self.parts_file}: line {line}: {original!r} is not a photograph of CelebA. {self.remedy}"
                )
            parts[f"{number}.jpg"] = next(part for part, end in zip(PARTS, ENDS, strict=True) if int(found[1]) <= end)
        return parts

    def require_size(self, width: int, height: int) -> None:
        require_blocks(width, height, self.image_shape[2])

    def prepare(self, photograph: Image) -> Image:
        return shrink(photograph, self.image_shape[2])


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(CelebAHQ)
