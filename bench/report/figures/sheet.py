"""Rows of pictures on a page; every picture pixel is a whole number of page pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.report.figures.page import DPI, GREY, HEADER, INK, MARGIN, RED, SMALL, STYLE, TEXT, add_words, footer
from bench.workspace.pictures import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 124  # page pixels that a picture should take: 0.56 inches
GAP, GROUP_GAP, ROW_GAP, APART, BLOCK_GAP, TEXT_ROW = 8, 34, 10, 18, 36, 34  # page pixels
LETTER = 0.6 * TEXT / 72 * DPI  # page pixels that a letter of a label takes, at most


@dataclass(frozen=True)
class Row:
    """One row of pictures.

    Attributes
    ----------
    label : str
        Left of it.
    images : (K, C, H, W) uint8
    framed : (K,) bool
        Which pictures get a red frame.
    notes : sequence of str
        Below each picture, or none at all.
    message : str
        After the last picture.
    apart : bool
        Whether it stands apart from the row above.
    """

    label: str
    images: Tensor
    framed: NDArray[np.bool_]
    notes: Sequence[str] = ()
    message: str = ""
    apart: bool = False

    def height(self, side: int) -> int:
        """Return what it takes of the page, in page pixels."""
        pictures = side if len(self.images) else 2 * TEXT_ROW
        return pictures + ROW_GAP + TEXT_ROW * bool(self.notes) + APART * self.apart


@dataclass(frozen=True)
class Block:
    """Rows that belong together.

    Attributes
    ----------
    title : str
    rows : sequence of Row
    groups : sequence of (str, int)
        Words above the columns, each over how many of them; groups stand apart.
    arrow : str
        Below the rows, where columns follow a quantity that grows to the right.
    """

    title: str
    rows: Sequence[Row]
    groups: Sequence[tuple[str, int]] = field(default=())
    arrow: str = ""

    def lefts(self, first: int, side: int) -> list[int]:
        """Return the left edge of each column in page pixels; the first is given."""
        columns = max((len(row.images) for row in self.rows), default=0)
        starts = np.cumsum([size for _, size in self.groups])[:-1]
        return [first + k * (side + GAP) + GROUP_GAP * int((starts <= k).sum()) for k in range(columns)]

    def height(self, side: int) -> int:
        """Return what it takes of the page, in page pixels."""
        words = TEXT_ROW * (bool(self.title) + bool(self.groups) + bool(self.arrow))
        return words + sum(row.height(side) for row in self.rows)


@dataclass(frozen=True)
class Page:
    """The content of a figure: blocks from top to bottom, at least ``least_columns`` pictures wide, and texts."""

    title: str
    blocks: Sequence[Block]
    caption: str
    least_columns: int = 0

    def packed(self) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """Return it as plain values and arrays, which another process can be sent."""
        rows = [row for block in self.blocks for row in block.rows]
        blocks = [{**vars(block), "rows": [_without_arrays(row) for row in block.rows]} for block in self.blocks]
        return {**vars(self), "blocks": blocks}, [a for row in rows for a in (row.images.cpu().numpy(), row.framed)]

    @classmethod
    def unpacked(cls, content: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> Self:
        """Build a sheet from packed values and arrays."""
        left = iter(arrays)

        def row(fields: dict[str, Any]) -> Row:
            return Row(images=torch.from_numpy(next(left)), framed=next(left), **fields)

        blocks = [Block(**{**block, "rows": [*map(row, block["rows"])]}) for block in content["blocks"]]
        return cls(**{**content, "blocks": blocks})


def _without_arrays(row: Row) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name not in ("images", "framed")}


def draw(title: str, blocks: Sequence[Block], caption: str, least_columns: int = 0) -> Figure:
    """Lay blocks out from top to bottom; a page is at least ``least_columns`` pictures wide."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = [row for block in blocks for row in block.rows]
    pixels = max((row.images.shape[-1] for row in rows if len(row.images)), default=SIDE)
    side = pixels * max(1, round(SIDE / pixels))
    letters = max(len(line) for row in rows for line in row.label.splitlines())
    left = round(MARGIN * DPI + letters * LETTER) + 2 * GAP
    edges = [x + side for block in blocks for x in block.lefts(left, side)] + [left + least_columns * (side + GAP)]
    width = max(edges) + round(MARGIN * DPI)
    height = sum(block.height(side) for block in blocks) + BLOCK_GAP * (len(blocks) - 1)
    height += round((HEADER + footer(caption, width / DPI)) * DPI)
    with rc_context(STYLE):
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        y = round(HEADER * DPI)
        for block in blocks:
            _draw_block(axes, block, left, y, side)
            y += block.height(side) + BLOCK_GAP
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)  # page pixels, from the top
        add_words(figure, title, caption)
    return figure


def _draw_block(axes: Any, block: Block, left: int, y: int, side: int) -> None:
    lefts = block.lefts(left, side)
    small = {"fontsize": SMALL, "color": GREY, "ha": "center"}
    if block.title:
        axes.text(left, y, block.title, fontsize=TEXT, fontweight="bold", va="top")
        y += TEXT_ROW
    first = 0
    for words, size in block.groups:
        axes.text((lefts[first] + lefts[first + size - 1] + side) / 2, y, words, va="top", **small)
        first += size
    y += TEXT_ROW if block.groups else 0
    for row in block.rows:
        _draw_row(axes, row, left, y + APART * row.apart, side, lefts)
        y += row.height(side)
    if block.arrow:
        middle, ends = y + TEXT_ROW // 2, {"arrowstyle": "->", "color": GREY, "lw": 0.8}
        axes.annotate("", (lefts[-1] + side, middle), (left, middle), arrowprops=ends)
        around = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        axes.text((left + lefts[-1] + side) / 2, middle, block.arrow, va="center", bbox=around, **small)


def _draw_row(axes: Any, row: Row, left: int, y: int, side: int, lefts: Sequence[int]) -> None:
    from matplotlib.patches import Rectangle

    middle = y + (side if len(row.images) else 2 * TEXT_ROW) / 2
    axes.text(left - 2 * GAP, middle, row.label, fontsize=TEXT, color=INK, ha="right", va="center")
    for k, image in enumerate(row.images):
        x = lefts[k]
        shown = visible(image[None])[0].movedim(0, -1)
        picture = shown.expand(-1, -1, max(3, shown.shape[-1])).numpy()  # (H, W, 3), or 4 with transparency
        axes.imshow(picture, extent=(x, x + side, y + side, y), interpolation="nearest", aspect="auto")
        if row.framed[k]:  # a frame is what shows of a rectangle behind the picture
            axes.add_patch(Rectangle((x - 3, y - 3), side + 6, side + 6, facecolor=RED, linewidth=0, zorder=-1))
        if row.notes:
            axes.text(x + side / 2, y + side + 4, row.notes[k], fontsize=SMALL, color=GREY, ha="center", va="top")
    if row.message:
        x = left + len(row.images) * (side + GAP)
        axes.text(x, middle, row.message, fontsize=TEXT, color=GREY, ha="left", va="center")
