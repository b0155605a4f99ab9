"""Layers behind and below the face: background, neck, clothes, tie and necklace."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .canvas import SIZE, Scene, Stroke
from .shapes import bump, circle, ellipse, join, meet, smooth, spot


def _pixels(s: Scene) -> tuple[Tensor, Tensor]:
    """Return canvas coordinates in pixels, the same for every face (1, H, W); full canvas only."""
    centres = torch.arange(SIZE, dtype=torch.float32) + 0.5
    return centres[None, None, :].expand(1, SIZE, SIZE), centres[None, :, None].expand(1, SIZE, SIZE)


def background(s: Scene) -> Iterator[Stroke]:
    """Two colours that go together, a glow behind the head and a slight vignette."""
    px, py = _pixels(s)
    x, y = (px - 32) * (1 / 32), (py - 32) * (1 / 32)
    ramp = smooth(0.5 + 0.45 * (x * s.number("sky_x") + y * s.number("sky_y")))
    yield torch.ones_like(ramp), s.colour("sky")
    yield 0.85 * ramp, s.colour("ground")
    yield 0.40 * bump((x * x + (y + 0.1) * (y + 0.1)) * (1 / 1.2) + torch.zeros_like(ramp)), s.colour("ground")


def disc(s: Scene) -> Iterator[Stroke]:
    """A plain disc behind the head."""
    px, py = _pixels(s)
    cover = (0.5 - circle(px - 32, py - 33, s.number("disc_r"))).clamp(0, 1)
    yield 0.55 * cover, s.colour("ground")


def bokeh(s: Scene) -> Iterator[Stroke]:
    """Some lights out of focus."""
    px, py = _pixels(s)
    for k, (across, down, radius) in enumerate(
        ((0, 0, 5.5), (23, 31, 4.0), (44, 11, 7.0), (55, 41, 5.0), (12, 47, 6.0))
    ):
        x = (across + 64 * s.number("bokeh_x")) * (1 / 64)
        y = (down + 48 * s.number("bokeh_y")) * (1 / 48)
        x, y = 64 * (x - x.floor()), 48 * (y - y.floor())
        cover = (0.5 - circle(px - x, py - y, radius) * 0.7).clamp(0, 1)
        yield (0.24 if k % 2 else 0.36) * cover, s.colour("ground")


def _shoulders(s: Scene) -> Tensor:
    x, y = s.body_x, s.body_y
    edge = s.number("shoulder") + s.number("slope") * x * x
    side = (x.abs() - 1.75).clamp(min=0)
    return (edge + 0.9 * side * side - y) * 0.95


def neck(s: Scene) -> Iterator[Stroke]:
    """Neck and shoulders, with the shadow of the chin on them."""
    x, y = s.body_x, s.body_y
    column = meet(x.abs() - s.number("neck"), 0.5 - y, 0.1)
    cover = s.cover(join(column, _shoulders(s), 0.35))
    yield cover, s.colour("skin")
    side = smooth(0.45 - 0.8 * s.number("light_x") * x)
    yield cover * side * 0.35, s.colour("skin_shade")
    shadow = s.soft(ellipse(s.x, s.y - 0.14, s.number("face_width") * 0.92, s.number("face_bottom") + 0.06), 0.30)
    yield cover * shadow * 0.75, s.colour("skin_shade")
    bone = spot(x.abs() - 0.28, y - 1.80 - 0.25 * (x.abs() - 0.28), 0.24, 0.05)
    yield cover * bone * 0.35, s.colour("skin_shade")


def _cloth(s: Scene, cover: Tensor, name: str = "cloth", dark: str = "cloth_dark") -> Iterator[Stroke]:
    x, y = s.body_x, s.body_y
    yield cover, s.colour(name)
    yield cover * smooth(0.30 - 0.5 * s.number("light_x") * x) * 0.55, s.colour(dark)
    fold = spot(x.abs() - 1.12 - 0.2 * (y - 1.9), y - 2.15, 0.07, 0.35)
    yield cover * fold * 0.6, s.colour(dark)
    yield cover * s.soft(s.face - 0.16, 0.25) * 0.5, s.colour(dark)


def crew(s: Scene) -> Iterator[Stroke]:
    """A round neckline, close or wide."""
    hole = ellipse(s.body_x, s.body_y - 1.50, s.number("neck") + 0.12, s.number("neckline"))
    yield from _cloth(s, s.cover(meet(_shoulders(s), -hole, 0.06)))
    rim = s.cover(_shoulders(s)) * s.line(hole - 0.045, 0.045)
    yield 0.45 * rim, s.colour("cloth_light")


def vee(s: Scene) -> Iterator[Stroke]:
    """A V neckline."""
    hole = (s.body_x.abs() + 0.62 * (s.body_y - 1.50)) * 0.85 - 0.44
    yield from _cloth(s, s.cover(meet(_shoulders(s), -hole, 0.06)))
    yield 0.45 * s.cover(_shoulders(s)) * s.line(hole - 0.045, 0.045), s.colour("cloth_light")


def turtleneck(s: Scene) -> Iterator[Stroke]:
    """A rolled collar."""
    x, y = s.body_x, s.body_y
    top = 1.26 + 0.10 * x * x
    roll = meet(x.abs() - s.number("neck") - 0.05, top - y, 0.15)
    yield from _cloth(s, s.cover(join(roll, _shoulders(s) - 0.02, 0.2)))
    yield 0.5 * s.cover(roll) * s.line(y - top - 0.34, 0.03), s.colour("cloth_dark")


def stripes(s: Scene) -> Iterator[Stroke]:
    """Stripes across a plain top."""
    hole = ellipse(s.body_x, s.body_y - 1.50, s.number("neck") + 0.22, 0.62)
    band = s.line(s.body_y - 0.10 * s.body_x * s.body_x - 2.02, 0.055)
    yield 0.8 * band * s.cover(meet(_shoulders(s) + 0.05, -hole, 0.05)), s.colour("cloth_light")


def collar(s: Scene) -> Iterator[Stroke]:
    """A shirt with its collar."""
    x, y = s.body_x.abs(), s.body_y
    opening = x * 1.3 + (y - 1.62) * 0.75 - 0.30
    yield from _cloth(s, s.cover(torch.maximum(_shoulders(s) - 0.02, -opening)), "shirt", "shirt_dark")
    wing = meet(meet(x - s.number("neck") - 0.10, 1.36 + 0.25 * x - y, 0.05), (y - 1.80) + 0.9 * (0.36 - x), 0.05)
    wing = meet(wing, -opening + 0.16, 0.05)
    yield s.cover(wing - 0.03) * 0.7, s.colour("shirt_dark")
    yield s.cover(wing), s.colour("shirt")


def suit(s: Scene) -> Iterator[Stroke]:
    """A jacket over the shirt."""
    x, y = s.body_x.abs(), s.body_y
    edge = x * 0.85 + (y - 2.3) * 0.45 - 0.12
    jacket = torch.maximum(_shoulders(s) - 0.03, -edge)
    jacket = torch.maximum(jacket, s.number("neck") + 0.03 - x)
    cover = s.cover(jacket)
    yield cover, s.colour("suit")
    yield cover * s.line(edge - 0.20 + 0.1 * (y - 2.0), 0.025) * 0.35, s.colour("shirt")
    yield cover * smooth(0.3 - 0.5 * s.number("light_x") * s.body_x) * 0.3, s.colour("cloth_dark") * 0.3


def necktie(s: Scene) -> Iterator[Stroke]:
    """A tie with its knot."""
    x, y = s.body_x.abs(), s.body_y
    knot = torch.maximum(x - 0.20 + 0.35 * (y - 1.66), (y - 1.79).abs() - 0.13)
    blade = torch.maximum(x - 0.10 - 0.14 * (y - 1.9), 1.92 - y)
    yield s.cover(torch.minimum(knot, blade) - 0.03) * 0.5, s.colour("shirt_dark")
    yield s.cover(torch.minimum(knot, blade)), s.colour("tie")
    yield s.cover(knot) * smooth(0.5 - s.body_x * 2 * s.number("light_x")) * 0.35, s.colour("suit")


def necklace(s: Scene) -> Iterator[Stroke]:
    """A chain with a pendant, or beads."""
    x, y = s.body_x, s.body_y
    arc = ellipse(x, y - 1.42, s.number("neck") + 0.02, 0.42)
    below = s.cover(1.45 - y)
    beads = s.number("beads")
    yield below * s.line(arc, 0.035 + 0.03 * beads), s.colour("metal") * (0.92 - 0.1 * beads)
    pearl = (x * 6.5 + 0.5) - (x * 6.5 + 0.5).floor() - 0.5
    yield beads * below * s.line(arc + 0.01, 0.05) * bump(6 * pearl * pearl), s.colour("metal") * 0.4 + 0.6
    yield (1 - beads) * s.cover(circle(x, y - 1.89, 0.085)), s.colour("gem")
