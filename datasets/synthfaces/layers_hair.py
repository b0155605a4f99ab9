"""Layers of hair: what is behind the head, on it, on the forehead and on the chin."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .canvas import Scene, Stroke
from .shapes import bump, ellipse, join, meet, smooth, spot, wave


def _sway(s: Scene) -> Tensor:
    """Return how far waves push hair sideways, growing from the crown down."""
    grow = smooth(0.45 + 0.5 * s.y)
    return s.number("waviness") * grow * wave(s.y * s.number("wave_rate") + s.number("phase"))


def _texture(s: Scene, along: Tensor) -> Tensor:
    """Return strands: a pattern between -1 and 1 of the coordinate across them."""
    along = along + s.number("ripple") * wave(s.y * 1.5 + s.number("phase"))
    t = along * s.number("strand_rate") + s.number("phase")
    return 0.6 * wave(t) + 0.4 * wave(t * 2.3 + 0.4)


def _curls(s: Scene) -> Tensor:
    """Return the round bumps of curly hair, between -1 and 1."""
    return wave(s.x * 1.45 + s.number("phase") + 0.15 * wave(s.y * 1.3)) * wave(
        s.y * 1.45 + 0.3 + 0.15 * wave(s.x * 1.2)
    )


def _tinted(s: Scene, cover: Tensor, pattern: Tensor) -> Iterator[Stroke]:
    """Lay the dark and the light side of a strand pattern."""
    yield cover * pattern.clamp(min=0), s.colour("hair_light")
    yield cover * (-pattern).clamp(min=0), s.colour("hair_dark")


def mane(s: Scene) -> Iterator[Stroke]:
    """Medium and long hair behind the neck."""
    x = s.x + _sway(s)
    wide = s.number("face_width") + s.number("mane_width") + s.number("flare") * s.y.clamp(min=0)
    edge = s.number("mane_end") - 0.10 * x * x + 0.03 * wave(x * 2.1 + s.number("phase"))
    top = ellipse(x, s.y, wide, s.number("face_top") + s.number("volume"))
    outer = torch.where(s.y < 0, top, x.abs() - wide) + s.number("curls") * _curls(s)
    hair = meet(outer, s.y - edge, 0.45)
    cover = s.cover(hair)
    yield cover, s.colour("hair")
    yield cover * smooth(1 - (x.abs() - 0.2) * 1.1) * 0.75, s.colour("hair_dark")
    yield cover * smooth(1.0 + hair * 5.0) * 0.40, s.colour("hair_dark")
    yield from _tinted(s, cover, _texture(s, x) * s.number("strands"))


def afro(s: Scene) -> Iterator[Stroke]:
    """A cloud of curls around the head."""
    r = s.number("afro_r")
    cloud = ellipse(s.x, s.y + 0.22, s.number("face_width") + r, 1.02 + r) + 0.045 * _curls(s) * 1.2
    cover = s.cover(meet(cloud, s.y - 0.35 - r, 0.4))
    yield cover, s.colour("hair")
    yield cover * smooth(1 + cloud * 3.5) * 0.45, s.colour("hair_dark")
    yield from _tinted(s, cover, 0.30 * _curls(s))


def bun(s: Scene) -> Iterator[Stroke]:
    """A knot on top of the head."""
    x, y, r = s.x - s.number("bun_x"), s.y + s.number("face_top") + 0.22, s.number("bun_r")
    ball = ellipse(x, y, r, 0.86 * r) + s.number("curls") * _curls(s)
    cover = s.cover(ball)
    yield cover, s.colour("hair")
    yield cover * smooth(1 + ball * 5) * 0.55, s.colour("hair_dark")
    yield cover * s.line(ellipse(x - 0.1, y, 0.55 * r, 0.5 * r), 0.025) * 0.4, s.colour("hair_dark")
    yield cover * spot(x - 0.12 * s.number("light_x"), y + 0.14, 0.22, 0.13) * s.number("shine"), s.colour("hair_light")


def tail(s: Scene) -> Iterator[Stroke]:
    """A ponytail over one shoulder, behind the ear."""
    down = s.y + 0.45
    x = s.x * s.number("tail_side") - 1.02 - 0.22 * smooth(down * 0.9) + 0.5 * s.number("waviness") * wave(s.y * 0.9)
    share = ((down - 0.78) * (1 / 0.98)).clamp(-1, 1)
    thick = 0.27 * (1 - share * share * share * share).clamp(min=0) - 0.07 * share
    lock = meet((x.abs() - thick) * 0.95, (down - 0.80).abs() - 0.92, 0.1) + s.number("curls") * _curls(s)
    knot = ellipse(s.x * s.number("tail_side") - 0.90, s.y + 0.42, 0.20, 0.20)
    cover = s.cover(join(lock, knot, 0.15))
    yield cover, s.colour("hair")
    yield cover * smooth(1.0 + lock * 6.0) * 0.55, s.colour("hair_dark")
    yield from _tinted(s, cover, _texture(s, x * 1.3) * (s.number("strands") + 0.05))


def _crown(s: Scene) -> Tensor:
    """Return the distance to the outside of the hair on the head; straight down from the temples."""
    up = smooth(0.08 - 0.85 * s.y)
    top = s.number("volume") * (1 + s.number("quiff") * s.x) + s.number("spikes") * wave(
        s.x * s.number("spike_rate") + s.number("phase")
    )
    thick = s.number("side_volume") + (top - s.number("side_volume")) * up
    skull = s.face - thick
    x = s.x + _sway(s)
    fall = x.abs() - s.number("face_width") - s.number("side_volume") - s.number("flare") * s.y.clamp(min=0)
    return torch.where(s.y < 0, skull, fall) + s.number("curls") * _curls(s)


def _window(s: Scene) -> Tensor:
    """Return the distance to the part of the face that hair leaves free (negative there)."""
    x = s.x - 0.35 * s.number("turn")
    low = 0.30
    recess = s.number("temples") * bump((x.abs() - 0.50) * (x.abs() - 0.50) * 9)
    ragged = s.number("jagged") * wave(x * 2.3 + s.number("phase") * 3)
    y = (s.y - low + s.number("skew") * x + recess + ragged).clamp(max=0)
    close = s.number("locks") * smooth(0.8 * s.y + 0.5)
    return ellipse(x + 0.5 * _sway(s), y, s.number("face_width") * 0.95 - close, low - s.number("hairline"))


def cap(s: Scene) -> Iterator[Stroke]:
    """The hair on the head, and beside the face as far down as it goes; first its shadow on the skin."""
    window = _window(s)
    end = s.number("side_end") - s.number("side_curve") * s.x * s.x
    face = s.cover(s.face)
    yield face * smooth(1 + window * (1 / 0.16)) * smooth(2 - 3 * s.y) * 0.42, s.colour("skin_shade")
    hair = meet(meet(_crown(s), s.y - end, 0.10), -window, 0.05)
    hair = meet(hair, s.number("cap_top") - s.y, 0.20)
    side = s.number("fade") + (1 - s.number("fade")) * smooth(-0.2 - 2.2 * s.y)
    cover = s.cover(hair) * side
    yield cover, s.colour("hair")
    across = (s.x + _sway(s) - s.number("parting") * smooth(-s.y)) * (1.25 + 0.35 * s.y.clamp(max=0.4))
    lit = s.x * s.number("light_x") + s.y * s.number("light_y")
    yield cover * smooth(0.35 - 0.55 * lit) * 0.50, s.colour("hair_dark")
    yield cover * smooth(1 - window * 7) * 0.35, s.colour("hair_dark")
    pattern = _texture(s, across) * s.number("strands") + 4.0 * s.number("curls") * _curls(s)
    yield from _tinted(s, cover, pattern)
    line = s.x - s.number("parting") * (1.15 + 0.25 * s.y) - 0.35 * s.number("turn")
    part = s.line(line, 0.02) * smooth(-3.2 - 4.2 * s.y)
    yield cover * part * s.number("parted"), s.colour("skin_shade")
    gloss = bump((s.face + 0.06) * (s.face + 0.06) * 55) * smooth(-0.3 - 1.3 * s.y)
    gloss = gloss * smooth(0.5 + 0.9 * s.x * s.number("light_x")) * (0.75 + 0.25 * _texture(s, across))
    yield cover * gloss * s.number("shine"), s.colour("hair_light")


def sideburns(s: Scene) -> Iterator[Stroke]:
    """A strip of hair before each ear."""
    x = s.x.abs() - s.number("face_width") + 0.06
    strip = meet(x.abs() - 0.095, (s.y - 0.18).abs() - 0.32, 0.06)
    yield s.soft(strip, 0.06) * s.cover(s.face - 0.02) * 0.95, s.colour("beard")


def fringe(s: Scene) -> Iterator[Stroke]:
    """Bangs: hair over the forehead, straight, swept or choppy, and their shadow."""
    x = s.x - 0.35 * s.number("turn")
    cut = s.number("fringe_cut") * wave(x * 2.6 + s.number("phase"))
    end = s.number("fringe_end") + s.number("fringe_slope") * x + s.number("fringe_curve") * x * x + cut
    crown = torch.maximum(s.face - 0.04, x.abs() - s.number("face_width") * 0.97)
    shape = meet(meet(crown, s.y - end, 0.08), -1.02 - s.y, 0.10) + s.number("curls") * 0.8 * _curls(s)
    yield s.cover(crown) * bump((s.y - end - 0.02) * (s.y - end - 0.02) * 50) * 0.6, s.colour("skin_shade")
    cover = s.cover(shape)
    yield cover, s.colour("hair")
    across = (x - s.number("fringe_slope") * 2.2 * (s.y + 0.8)) * (1.15 + 0.2 * s.y)
    yield cover * smooth(1.15 + 3.2 * (s.y - end)) * 0.34, s.colour("hair_dark")
    yield from _tinted(
        s, cover, _texture(s, across) * (0.75 * s.number("strands") + 0.05) + 4.0 * s.number("curls") * _curls(s)
    )
    band = s.y + 0.72 - 0.18 * x * x
    yield (
        cover * bump(band * band * 70) * s.number("shine") * 0.8 * smooth(0.6 + x * s.number("light_x")),
        s.colour("hair_light"),
    )


def _jaw(s: Scene) -> Tensor:
    """Return the distance to the outline of the beard: the face's, longer at the chin."""
    long_ = s.number("beard_length")
    grow = smooth(1.6 * s.y - 0.6)
    x = s.x * (1 - 0.05 * grow)
    low = ellipse(
        x,
        s.y,
        s.number("face_width") * (1 + 0.10 * grow) - 0.14 * grow * s.number("taper"),
        s.number("face_bottom") + long_,
    )
    return torch.minimum(low, s.face - 0.015 - 0.05 * grow)


def beard(s: Scene) -> Iterator[Stroke]:
    """A full, boxed or long beard, or a goatee; soft edges, strands that run down."""
    x, y = s.inner_x, s.y
    width = s.number("face_width")
    share = x / width
    arc = share * share
    ragged = 0.025 * wave(x * 4.2 + s.number("beard_phase"))
    top = s.number("beard_top") + (s.number("beard_side") - s.number("beard_top")) * arc * arc + ragged
    lips = ellipse(x, y - s.number("mouth_y") + 0.06, s.number("mouth_w") + 0.07, 0.26 + 0.5 * s.number("gap"))
    full = meet(torch.maximum(_jaw(s), top - y), -lips, 0.08)
    chin = y - s.number("mouth_y") - 0.08 - 0.65 * s.number("gap") - s.number("lip_low")
    chin = chin + 0.24 * smooth((x.abs() - 0.20) * 6)  # up around the corners of the mouth
    patch = meet(x.abs() - s.number("goatee_w") - 0.5 * s.number("mouth_w") + 0.14 * (y - 0.9), -chin, 0.10)
    small = meet(patch, _jaw(s), 0.12)
    shape = torch.where(s.number("goatee") > 0, small, full) + 0.018 * wave(x * 5.1 + 0.3) * wave(
        y * 4.3 + s.number("beard_phase")
    )
    cover = s.soft(shape, 0.10) * s.number("beard_ink")
    yield cover, s.colour("beard")
    fan = x * (5.4 - 1.6 * y.clamp(0, 1.4))
    strands = wave(fan + s.number("beard_phase") + 0.25 * wave(y * 1.9)) * wave(y * 1.6 + 0.7 * wave(x * 2.7))
    yield cover * strands.clamp(min=0) * 0.42, s.colour("beard_light")
    yield cover * (-strands).clamp(min=0) * 0.46, s.colour("beard_dark")
    away = smooth(0.40 - 0.55 * x * s.number("light_x") + 0.30 * (y - 0.6))
    yield cover * away * 0.45, s.colour("beard_dark")


def moustache(s: Scene) -> Iterator[Stroke]:
    """A moustache between nose and mouth."""
    x, w = s.inner_x, s.number("moustache_w")
    share = x / w
    q = 1 - share * share
    middle = 0.5 * (s.number("mouth_y") + s.number("nose_y") + s.number("nose_h")) + 0.015
    line = middle + s.number("moustache_droop") * share * share - 0.35 * s.number("smile") * share * share
    half = s.number("moustache_h") * (0.35 + 0.65 * q.clamp(0, 1)) * (1 - 0.30 * bump(share * share * 30))
    shape = meet((s.y - line).abs() - half, x.abs() - w, 0.08)
    cover = s.soft(shape, 0.065)
    yield cover * 0.97, s.colour("beard")
    strands = wave(x * 6.5 + s.y * 2.0 * torch.where(x < 0, 1.0, -1.0))
    yield cover * (-strands).clamp(min=0) * 0.40, s.colour("beard_dark")
    yield cover * smooth((s.y - line) * 9) * 0.40, s.colour("beard_dark")
