"""Pictures before and after: the cells' own, cut into their rows."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from bench.core.files import file_sha256
from bench.report.page.cells import StoredCell

ROWS = (2, 4)  # rows of a picture: without, or with, samples that lack the feature
MOST = 1600  # pixels of a picture's width, above which it is made smaller


@dataclass(frozen=True)
class Strip:
    """The same noise before and after, as addresses that hold the pictures."""

    cell: StoredCell
    before: str
    after: str
    width: int
    height: int
    rows: int


def strip_of(cell: StoredCell) -> Strip | None:
    """Cut a cell's picture: its rows are before, after, before, after; None if there is none that fits its record."""
    artefact = cell.record.artefacts.get("picture")
    path = cell.folder / (artefact.file if artefact else "")
    try:
        if artefact is None or not path.is_file() or file_sha256(path) != artefact.sha256:
            return None
    except PermissionError:
        return None
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    rows = min(ROWS, key=lambda count: abs(picture.height * 10 / (picture.width * count) - 1))
    height = picture.height // rows
    bands = [picture.crop((0, n * height, picture.width, (n + 1) * height)) for n in range(rows)]
    before, after = (_stacked(bands[start::2]) for start in (0, 1))
    return Strip(cell, _address(before), _address(after), before.width, before.height, rows // 2)


def _stacked(bands: list[Image.Image]) -> Image.Image:
    found = Image.new("RGB", (bands[0].width, sum(band.height for band in bands)))
    for place, band in enumerate(bands):
        found.paste(band, (0, place * bands[0].height))
    return found


def _address(picture: Image.Image) -> str:
    """Return a data: address of a picture."""
    if picture.width > MOST:
        picture = picture.resize((MOST, round(picture.height * MOST / picture.width)))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=88, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
