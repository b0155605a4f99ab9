"""Layers of the head itself: ears, skin and its light, age, nose, eyes, brows, mouth."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .canvas import Scene, Stroke
from .shapes import bump, circle, ellipse, meet, smooth, spot, wave


def ears(s: Scene) -> Iterator[Stroke]:
    """Both ears; a turned head shows more of one."""
    x = (s.x + 0.5 * s.number("turn")).abs() - s.number("face_width") - 0.01
    y, r = s.y - 0.08, s.number("ears")
    lean = x - 0.18 * (0.2 - y)
    cover = s.cover(ellipse(lean, y, r * 0.72, r * 1.35))
    yield cover, s.colour("skin")
    yield 0.30 * cover, s.colour("skin_shade")
    yield 0.65 * cover * spot(lean - 0.01, y + 0.01, r * 0.55, r * 1.0), s.colour("skin_deep")


def skin(s: Scene) -> Iterator[Stroke]:
    """The face: flat colour, light from one side, a darker rim, cheeks."""
    x, y = s.x, s.y
    cover = s.cover(s.face)
    yield cover, s.colour("skin")
    lit = x * s.number("light_x") + y * s.number("light_y")
    away = smooth(0.28 - 0.42 * lit)
    yield cover * away * 0.42 * s.number("light"), s.colour("skin_shade")
    rim = smooth(1 + s.face * (1 / 0.30))
    yield cover * rim * (0.12 + 0.40 * smooth(0.55 - 0.75 * lit)), s.colour("skin_shade")
    towards = spot(x - 0.38 * s.number("light_x"), y + 0.50, 0.75, 0.5) + spot(
        s.inner_x.abs() - 0.52, y - 0.26, 0.34, 0.2
    )
    yield cover * towards.clamp(max=1) * 0.30 * s.number("light"), s.colour("skin_light")
    cheeks = spot(s.inner_x.abs() - 0.56, y - 0.44, 0.40, 0.30)
    yield cover * cheeks * s.number("glow"), s.colour("blush")
    chin = spot(s.inner_x, y - s.number("mouth_y") - 0.29, 0.26, 0.07)
    yield cover * chin * 0.28, s.colour("skin_shade")


def blush(s: Scene) -> Iterator[Stroke]:
    """Rosy cheeks."""
    cheeks = spot(s.inner_x.abs() - 0.58, s.y - 0.45, 0.36, 0.28)
    yield s.cover(s.face) * smooth(cheeks * 1.3) * s.number("rosy"), s.colour("blush")


def freckles(s: Scene) -> Iterator[Stroke]:
    """A few freckles over nose and cheeks."""
    x, y = s.inner_x, s.y
    u, v = x * 7.5, y * 7.5 + 0.5 * (x * 7.5).floor()
    dots = bump(((u - u.floor() - 0.5) * (u - u.floor() - 0.5) + (v - v.floor() - 0.5) * (v - v.floor() - 0.5)) * 9)
    where = spot(x.abs() - 0.38, y - 0.36, 0.36, 0.22)
    yield dots * where * s.number("freckles"), s.colour("skin_deep")


def second_chin(s: Scene) -> Iterator[Stroke]:
    """A fold of skin below the chin."""
    width, bottom = s.number("face_width"), s.number("face_bottom")
    fold = ellipse(s.x, s.y - 0.62, width * 0.66, bottom - 0.40)
    cover = s.cover(meet(fold, 0.7 - s.y, 0.1)) * s.number("double_chin")
    yield cover, s.colour("skin")
    yield cover * smooth(1 + fold * 5) * 0.60, s.colour("skin_shade")
    line = s.line(s.face + 0.01, 0.035) * s.cover(s.x.abs() - 0.55) * s.cover(0.8 - s.y)
    yield line * cover * 0.75, s.colour("skin_deep")


def wrinkles(s: Scene) -> Iterator[Stroke]:
    """Lines of age: beside nose and mouth, at the eyes, on the forehead."""
    x, y, old = s.inner_x.abs(), s.y, s.number("old")
    down = y - 0.47
    fold = s.line(x - 0.24 - 0.55 * down + 0.25 * down * down, 0.026) * s.cover(down.abs() - 0.19)
    yield fold * old * 0.80, s.colour("skin_deep")
    u, v = x - s.number("eye_x") - s.number("eye_w") - 0.08, y - s.number("eye_y")
    feet = torch.maximum(s.line(v - 0.55 * u - 0.035, 0.018), s.line(v + 0.40 * u + 0.025, 0.018))
    yield feet * s.cover(u.abs() - 0.085) * old * 0.70, s.colour("skin_deep")
    brow = y + 0.56 - 0.05 * wave(s.inner_x * 0.55 + 0.25)
    lines = torch.maximum(s.line(brow, 0.017), s.line(brow + 0.13, 0.015)) * smooth((0.52 - x) * 5)
    yield lines * s.number("brow_lines") * 0.62, s.colour("skin_shade")
    sag = spot(x - 0.50, y - 0.98, 0.12, 0.20)
    yield s.cover(s.face) * sag * old * 0.35, s.colour("skin_shade")


def nose(s: Scene) -> Iterator[Stroke]:
    """Bridge, tip, wings and nostrils."""
    x, y, w, h = s.inner_x, s.y - s.number("nose_y"), s.number("nose_w"), s.number("nose_h")
    side = x * s.number("light_x")
    bridge = spot(x + 0.11 * s.number("light_x"), y + 0.30, 0.10, 0.42)
    yield bridge * 0.42, s.colour("skin_shade")
    yield spot(x - 0.04 * s.number("light_x"), y + 0.28, 0.07, 0.36) * 0.35, s.colour("skin_light")
    body = s.soft(ellipse(x, y, w, h), 0.09)
    yield body * 0.30, s.colour("skin_shade")
    yield body * smooth(0.35 - side * 3.0) * 0.35, s.colour("skin_shade")
    under = s.soft(ellipse(x, y - 0.55 * h, w * 1.02, h * 0.62), 0.09)
    yield under * 0.38, s.colour("skin_shade")
    xm = x.abs()
    wing = s.line(ellipse(xm - w * 0.66, y - 0.1 * h, w * 0.42, h * 0.78), 0.018) * s.cover(0.40 * w - (xm - w * 0.40))
    yield wing * 0.55, s.colour("skin_deep")
    nostril = s.cover(ellipse(xm - w * 0.45, y - 0.62 * h - 0.1 * (xm - w * 0.45), w * 0.30, 0.038))
    yield nostril * 0.80, s.colour("skin_deep")
    yield spot(x - 0.03 * s.number("light_x"), y + 0.25 * h, 0.55 * w, 0.55 * h) * 0.50, s.colour("skin_light")


def _eye(s: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """Return eye coordinates: outwards, down, and 1 - (share of the half width) squared."""
    out = s.inner_x.abs() - s.number("eye_x")
    down = s.y - s.number("eye_y") + s.number("eye_tilt") * out
    share = out / s.number("eye_w")
    return out, down, 1 - share * share


def eyelids(s: Scene) -> Iterator[Stroke]:
    """The hollow of the eye, and eye shadow with heavy make-up."""
    out, down, _ = _eye(s)
    yield spot(out, down + 0.10, 0.38, 0.30) * 0.28, s.colour("skin_shade")
    lid = spot(out - 0.05, down + 0.17, 0.36, 0.22)
    yield smooth(lid * 1.5) * s.number("shadow"), s.colour("eyelid")


def bags(s: Scene) -> Iterator[Stroke]:
    """Dark half-moons under the eyes."""
    out, down, _ = _eye(s)
    below = down - s.number("eye_low") - 0.085
    moon = spot(out + 0.02, below - 0.02, 0.25, 0.11)
    yield moon * 0.7 * s.number("bags"), s.colour("skin_deep")
    rim = s.line(below - 0.055 + 0.9 * out * out, 0.022) * s.cover(out.abs() - 0.20)
    yield rim * 0.45 * s.number("bags"), s.colour("skin_deep")


def eyes(s: Scene) -> Iterator[Stroke]:
    """White, iris, pupil, glint, lids and lashes."""
    out, down, q = _eye(s)
    up, low = s.number("eye_up"), s.number("eye_low")
    top, bottom = -up * q, low * q
    inside = s.cover(torch.maximum(top - down, down - bottom) * 0.9) * (q > 0)
    yield inside, _grey(s, 0.965)
    yield inside * smooth(1 - (down - top) * 6) * 0.45, s.colour("skin_shade") * 0.7 + 0.1
    sign = torch.where(s.inner_x < 0, -1.0, 1.0)
    ix, iy = out - sign * s.number("gaze_x"), down + 0.25 * (up - low) - s.number("gaze_y")
    r = s.number("iris")
    yield inside * s.cover(circle(ix, iy, r)), s.colour("iris")
    yield inside * spot(ix, iy - 0.5 * r, 0.8 * r, 0.55 * r) * 0.55, s.colour("iris") * 0.55 + 0.45
    yield inside * s.line(circle(ix, iy, r - 0.02), 0.022) * 0.5, s.colour("iris") * 0.35
    yield inside * s.cover(circle(ix, iy, 0.46 * r)), _grey(s, 0.05)
    yield inside * s.cover(circle(ix - sign * 0.3 * r * s.number("light_x"), iy + 0.36 * r, 0.042)), _grey(s, 1.0)
    half = s.number("lashes")
    reach = s.cover(out.abs() - s.number("eye_w") - 0.01)
    yield s.line((down - top) * 0.9 + half * 0.5, half) * reach * 0.94, s.colour("lash")
    tip = out - s.number("eye_w")
    wing = s.line(down + 0.55 * tip, 0.03) * s.cover(
        (tip + 0.02 - s.number("wing") * 0.5).abs() - s.number("wing") * 0.5
    )
    yield wing * (s.number("wing") > 0) * 0.9, s.colour("lash")
    yield s.line(down - bottom - 0.01, 0.014) * reach * 0.38, s.colour("skin_deep")
    crease = s.line(down + 1.0 * up * q + 0.105, 0.015) * s.cover(out.abs() - 0.9 * s.number("eye_w"))
    yield crease * 0.45, s.colour("skin_deep")


def _grey(s: Scene, level: float) -> Tensor:
    return torch.full_like(s.colour("skin"), level)


def brows(s: Scene) -> Iterator[Stroke]:
    """Eyebrows: flat or arched, thin or bushy, thinner outwards."""
    out = s.inner_x.abs() - s.number("eye_x") - 0.02
    share = out / s.number("brow_w")
    peak = share - 0.10
    line = s.number("brow_y") - s.number("brow_arch") * (1 - peak * peak) - s.number("brow_slope") * share
    half = s.number("brow_half")
    thin = half * (0.72 + 0.45 * (1 - share) * 0.5).clamp(0.3, 1.0)
    ragged = 0.14 * half * wave(out * 4.6 + s.number("phase"))
    body = meet((s.y - line + ragged).abs() - thin, out.abs() - s.number("brow_w"), 0.05)
    yield s.cover(body) * s.number("brow_ink"), s.colour("brow")


def mouth(s: Scene) -> Iterator[Stroke]:
    """Lips, teeth and the line between, from a frown to a laugh."""
    x, w, gap = s.inner_x, s.number("mouth_w"), s.number("gap")
    share = x / w
    q = 1 - share * share
    curve = s.y - s.number("mouth_y") - s.number("smile") * (q - 0.45)  # 0 on the line between the lips
    bow = s.number("lip_up") * (q - 0.30 * bump(share * share * 14))
    top = -bow - 0.30 * gap * q
    bottom = (s.number("lip_low") + 0.70 * gap) * q
    within = (q > -0.15).float()
    yield spot(x.abs() - w - 0.03, curve, 0.07, 0.07) * 0.45, s.colour("skin_shade")
    lips = s.cover(torch.maximum(top - curve, curve - bottom)) * within
    yield lips * s.number("lip_ink"), s.colour("lip")
    upper = s.cover(curve + 0.0) * lips
    yield upper * 0.38 * s.number("lip_ink"), s.colour("lip_dark")
    shine = spot(x - 0.05 * s.number("light_x"), curve - 0.62 * bottom - 0.2 * gap, 0.55 * w, 0.05)
    yield lips * shine * 0.6 * s.number("lip_ink"), s.colour("lip_light")
    inner_top, inner_bottom = -0.30 * gap * q, 0.70 * gap * (q - 0.06)
    hole = s.cover(torch.maximum(inner_top - curve, curve - inner_bottom)) * within * (gap > 0)
    yield hole, s.colour("lip_dark") * 0.42
    tongue = hole * spot(x, curve - 0.75 * gap, 0.7 * w, 0.45 * gap + 0.001)
    yield tongue * 0.7, s.colour("lip")
    teeth = hole * s.cover(curve - inner_top - 0.52 * gap * (q + 0.15) - 0.01) * s.cover(x.abs() - 0.86 * w)
    yield teeth * s.number("teeth"), _grey(s, 0.96)
    closed = s.line(curve, 0.026) * s.cover(x.abs() - w) * (gap == 0)
    yield closed * 0.85, s.colour("lip_dark") * 0.8
    dimple = s.line(ellipse(x.abs() - w - 0.085, curve - 0.02, 0.055, 0.13), 0.016) * s.cover(w + 0.08 - x.abs())
    yield dimple * smooth(s.number("smile") * 20 - 1) * 0.5, s.colour("skin_deep")
