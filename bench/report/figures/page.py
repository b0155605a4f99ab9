"""A page of a figure: fonts and sizes, title above and caption below, and the files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from bench.core.files import write_bytes
from bench.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf")
DPI = 220
TITLE, TEXT, SMALL = 9.0, 7.5, 6.5  # points
INK, GREY, RED = "#222222", "#666666", "#d62728"
STYLE: Any = {"font.family": "DejaVu Sans", "pdf.fonttype": 42, "font.size": TEXT, "text.color": INK}  # 42: TrueType
NO_DATE: Any = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
MARGIN = 0.12  # inches
LINE = 1.35 * SMALL / 72  # inches between two lines of a caption
HEADER = 0.34  # inches above the content, for the title


def require_formats(formats: Sequence[str]) -> None:
    """Raise UsageError, before any work, if a format is unknown."""
    wrong = [name for name in formats if name not in FORMATS]
    if wrong or not formats:
        raise UsageError(f"--formats {','.join(formats)}: expected some of {','.join(FORMATS)}")


def wrapped(caption: str, width: float) -> str:
    """Break a caption into lines that fit ``width`` inches."""
    return fill(caption, int((width - 2 * MARGIN) * 72 / (0.53 * SMALL)))


def footer(caption: str, width: float) -> float:
    """Return the height in inches that a caption takes below the content."""
    return (wrapped(caption, width).count("\n") + 1) * LINE + 2 * MARGIN


def add_words(figure: Figure, title: str, caption: str) -> None:
    """Write the title above and the caption below what is drawn."""
    width, height = figure.get_size_inches()
    figure.text(MARGIN / width, 1 - MARGIN / height, title, fontsize=TITLE, fontweight="bold", va="top")
    words = wrapped(caption, width)
    figure.text(MARGIN / width, MARGIN / height, words, fontsize=SMALL, color=GREY, va="bottom", linespacing=1.35)


def write(figure: Figure, path: Path, formats: Sequence[str]) -> list[Path]:
    """Write a figure as ``path`` with the suffix of each format; the same figure gives the same bytes."""
    from matplotlib import rc_context

    paths = []
    for name in formats:
        buffer = io.BytesIO()
        with rc_context(STYLE):
            figure.savefig(buffer, format=name, dpi=DPI, metadata=NO_DATE[name])
        paths.append(path.with_name(f"{path.name}.{name}"))
        write_bytes(paths[-1], buffer.getvalue())
    return paths
