"""Layers of things worn on the head: glasses, earrings, hats; and the colour of the light over it all."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .canvas import Scene, Stroke
from .shapes import box, circle, ellipse, join, meet, smooth, spot, wave


def glasses(s: Scene) -> Iterator[Stroke]:
    """Round or square frames with a glint."""
    out = s.inner_x.abs() - s.number("eye_x") - 0.015
    y, r = s.y - s.number("eye_y") - 0.03, s.number("frame_r")
    square = box(out, y, r, 0.80 * r, 0.11)
    lens = torch.where(s.number("frame_square") > 0, square, ellipse(out, y, r, 0.95 * r))
    half = s.number("frame_half")
    glass = s.cover(lens)
    yield glass * 0.06, s.colour("light")
    streak = s.line(out * 0.8 + y * 0.9 - 0.10 * s.number("light_x"), 0.045)
    yield glass * streak * 0.16, s.colour("light")
    yield s.line(lens - 0.05, half) * 0.25, s.colour("skin_deep")
    yield s.line(lens, half), s.colour("frame")
    inner = s.number("eye_x") + 0.015 - r
    bridge = s.line(y + 0.07 - 0.6 * s.inner_x * s.inner_x, 0.035) * s.cover(s.inner_x.abs() - inner)
    yield bridge, s.colour("frame")
    temple = s.line(y + 0.08, 0.035) * s.cover(r - out) * s.cover(s.x.abs() - s.number("face_width") - 0.03)
    yield temple, s.colour("frame")


def _lobes(s: Scene) -> tuple[Tensor, Tensor]:
    x = (s.x + 0.5 * s.number("turn")).abs() - s.number("face_width") - 0.06
    return x, s.y - 0.08 - 1.15 * s.number("ears")


def studs(s: Scene) -> Iterator[Stroke]:
    """A gem at each ear lobe."""
    x, y = _lobes(s)
    yield s.cover(circle(x, y - 0.02, 0.135)) * 0.8, s.colour("metal") * 0.62
    yield s.cover(circle(x, y - 0.02, 0.105)), s.colour("gem")
    yield s.cover(circle(x + 0.03, y + 0.01, 0.04)), s.colour("gem") * 0.2 + 0.8


def hoops(s: Scene) -> Iterator[Stroke]:
    """A ring through each ear lobe."""
    x, y = _lobes(s)
    ring = ellipse(x, y - 0.20, 0.175, 0.215)
    yield s.line(ring, 0.055) * 0.7, s.colour("metal") * 0.55
    yield s.line(ring, 0.038), s.colour("metal")


def drops(s: Scene) -> Iterator[Stroke]:
    """A pendant below each ear lobe."""
    x, y = _lobes(s)
    yield s.line(x, 0.025) * s.cover((y - 0.08).abs() - 0.10), s.colour("metal")
    drop = join(circle(x, y - 0.30, 0.105), circle(x, y - 0.18, 0.04), 0.12)
    yield s.cover(drop - 0.03) * 0.75, s.colour("metal") * 0.6
    yield s.cover(drop), s.colour("gem")
    yield s.cover(circle(x + 0.03, y - 0.27, 0.035)), s.colour("gem") * 0.2 + 0.8


def _hat(s: Scene, rise: float) -> tuple[Tensor, Tensor]:
    """Return the distance to a dome over the head, and how far below its rim a pixel is."""
    below = s.y - s.number("hat_y") - 0.10 * s.x * s.x
    up = smooth(-0.2 - s.y)
    dome = s.face - s.number("side_volume") - 0.07 - (rise + 0.35 * s.number("volume")) * up
    return dome, below


def _felt(s: Scene, cover: Tensor) -> Iterator[Stroke]:
    yield cover, s.colour("hat")
    lit = s.x * s.number("light_x") + (s.y + 0.9) * s.number("light_y")
    yield cover * smooth(0.30 - 0.8 * lit) * 0.65, s.colour("hat_dark")
    yield cover * spot(s.x - 0.4 * s.number("light_x"), s.y + 1.15, 0.5, 0.3) * 0.35, s.colour("hat_light")


def _shade(s: Scene, below: Tensor, depth: float) -> Stroke:
    return s.cover(s.face) * smooth(1 - below * (1 / depth)) * 0.5, s.colour("skin_shade")


def beanie(s: Scene) -> Iterator[Stroke]:
    """A knitted cap with a turned-up cuff."""
    dome, below = _hat(s, 0.16)
    yield _shade(s, below, 0.22)
    yield from _felt(s, s.cover(meet(dome, below, 0.06)))
    knit = wave(s.x * 3.4 / (1.4 + 0.3 * s.y)) * s.cover(meet(dome, below, 0.06))
    yield knit.clamp(min=0) * 0.28, s.colour("hat_dark")
    cuff = meet(s.face - s.number("side_volume") - 0.10, (below + 0.10).abs() - 0.17, 0.08)
    yield s.cover(cuff - 0.03) * 0.5, s.colour("hat_dark")
    yield s.cover(cuff), s.colour("hat_light")
    yield s.cover(cuff) * wave(s.x * 4.0).clamp(min=0) * 0.40, s.colour("hat")


def peaked(s: Scene) -> Iterator[Stroke]:
    """A cap with a peak."""
    dome, below = _hat(s, 0.10)
    yield _shade(s, below - 0.10, 0.25)
    cover = s.cover(meet(dome, below, 0.05))
    yield from _felt(s, cover)
    seam = s.line(s.x - 0.25 * s.number("turn") * 4, 0.022) * cover
    yield seam * 0.55, s.colour("hat_dark")
    x, y = s.x - s.number("turn"), below + 0.02
    peak = meet(ellipse(x, y + 0.04, s.number("face_width") * 0.90, 0.30), -0.07 - y, 0.08)
    yield s.cover(peak - 0.035), s.colour("hat_dark") * 0.6
    yield s.cover(peak), s.colour("hat")
    yield s.cover(peak) * smooth(1 + 7 * peak) * 0.5, s.colour("hat_light")
    yield s.cover(peak) * smooth(0.25 - 5 * y) * 0.9, s.colour("hat_dark")
    yield s.cover(ellipse(x, s.y + 1.02, 0.19, 0.14)) * 0.9, s.colour("hat_light")
    yield (
        s.cover(circle(s.x, s.y + s.number("face_top") + 0.14 + 0.35 * s.number("volume"), 0.07)),
        s.colour("hat_dark"),
    )


def brimmed(s: Scene) -> Iterator[Stroke]:
    """A hat with a brim and a ribbon."""
    dome, below = _hat(s, 0.22)
    yield _shade(s, below - 0.08, 0.28)
    flat = meet(dome, -s.number("face_top") - 0.24 - s.y, 0.25)
    cover = s.cover(meet(flat, below, 0.05))
    yield from _felt(s, cover)
    yield cover * s.line(below + 0.17, 0.10), s.colour("hat_dark") * 0.6
    brim = ellipse(s.x, s.y - s.number("hat_y") + 0.02 - 0.06 * s.x * s.x, s.number("face_width") + 0.62, 0.15)
    yield s.cover(brim), s.colour("hat")
    yield s.cover(brim) * smooth(0.45 + 5 * (s.y - s.number("hat_y"))) * 0.75, s.colour("hat_dark")


def light(s: Scene) -> Iterator[Stroke]:
    """A slight tint of the light, warmer or cooler."""
    near = smooth(0.45 + 0.30 * (s.body_x * s.number("light_x") + s.body_y * s.number("light_y")))
    yield 0.10 * near * s.number("light"), s.colour("light")
