"""Figures for the page: SVG in the page's colours and fonts, and the same figure as a PDF to download."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, LINES = "#222222", "#bbbbbb"  # become the page's own colours
COLOURS = ("#3b6fd4", "#c2571a", "#1f8a5b", "#a03fa8", "#8a7500", "#c03048", "#3c8aa0", "#777777")
MARKERS = "osD^vPXh"
STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": LINES,
    "xtick.color": INK, "ytick.color": INK, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "grid.color": LINES,
    "grid.alpha": 0.4, "axes.grid": True, "axes.spines.top": False, "axes.spines.right": False, "pdf.fonttype": 42,
    "svg.fonttype": "none", "legend.frameon": False, "axes.facecolor": "none", "figure.facecolor": "none",
}  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """A figure on the page: SVG to be set in, a data: address of the PDF, what it shows, and what it is called."""

    svg: str
    pdf: str
    title: str
    about: str
    name: str


def drawing(figure: Figure, title: str, about: str, name: str) -> Drawing:
    """Write a figure that was made under ``STYLE``; the same figure gives the same text."""
    from matplotlib import rc_context

    with rc_context({**STYLE, "svg.hashsalt": name}):
        svg, pdf = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        for axes in figure.axes:
            axes.set_facecolor("white")
        figure.savefig(pdf, format="pdf", facecolor="white", metadata={"CreationDate": None, "Creator": None, "Producer": None})  # fmt: skip  # noqa: E501
    address = f"data:application/pdf;base64,{base64.b64encode(pdf.getvalue()).decode()}"
    return Drawing(_inline(svg.getvalue(), name), address, title, about, name)


def _inline(svg: str, name: str) -> str:
    """Return an SVG file as part of a page: without its head, in the page's colours, its names its own."""
    text = svg[svg.index("<svg") :].replace(INK, "currentColor").replace(LINES, "var(--line)")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)(?!cell-)', rf"\g<1>{name}-", text)
    text = text.replace("<a ", '<a tabindex="-1" ')  # the table above has the same links
    text = re.sub(r"font: ([\d.]+)px '[^']*'[^;\"]*", r"font: \1px system-ui, sans-serif", text)
    return re.sub(
        r'<svg ([^>]*?)width="[^"]*" height="[^"]*"|<svg height="[^"]*"', r'<svg \1aria-hidden="true"', text, count=1
    )
