"""Signed distances (negative inside), soft profiles and waves, in plain arithmetic.

Only ``+ - * /``, ``sqrt``, ``floor``, ``min`` and ``max`` are used: IEEE 754 rounds those the same way in every
vector width, batch and thread, so a face has the same bits wherever it is drawn. No ``exp``, ``sin``, ``pow``,
``lerp``, ``addcmul``, matrix product or sum. Lengths are in head units (about half a face width); (N, H, W)
tensors throughout.
"""

from __future__ import annotations

import torch
from torch import Tensor

Length = Tensor | float


def ellipse(x: Tensor, y: Tensor, rx: Length, ry: Length) -> Tensor:
    """Distance to an axis-parallel ellipse around the origin (first order: Quilez, "ellipses - distance functions")."""
    u, v = x / rx, y / ry
    k0 = (u * u + v * v + 1e-6).sqrt()
    u, v = u / rx, v / ry
    return k0 * (k0 - 1) / (u * u + v * v + 1e-6).sqrt()


def circle(x: Tensor, y: Tensor, r: Length) -> Tensor:
    """Distance to a circle around the origin."""
    return (x * x + y * y).sqrt() - r


def box(x: Tensor, y: Tensor, rx: Length, ry: Length, corner: Length) -> Tensor:
    """Distance to a box of half sizes rx, ry with rounded corners."""
    u, v = x.abs() - rx + corner, y.abs() - ry + corner
    outside = (u.clamp(min=0) * u.clamp(min=0) + v.clamp(min=0) * v.clamp(min=0)).sqrt()
    return outside + torch.maximum(u, v).clamp(max=0) - corner


def join(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Union with a rounded seam of width k (Quilez, "smooth minimum", quadratic)."""
    h = (k - (a - b).abs()).clamp(min=0)
    return torch.minimum(a, b) - h * h * (0.25 / k)


def meet(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Intersection with a rounded corner of width k."""
    h = (k - (a - b).abs()).clamp(min=0)
    return torch.maximum(a, b) + h * h * (0.25 / k)


def smooth(t: Tensor) -> Tensor:
    """Map [0, 1] to [0, 1] with flat ends."""
    t = t.clamp(0, 1)
    return t * t * (3 - 2 * t)


def bump(squared: Tensor) -> Tensor:
    """Return a soft spot: 1 at the centre, 0 from radius 1; of the *squared* radius."""
    t = (1 - squared).clamp(min=0)
    return t * t


def spot(x: Tensor, y: Tensor, rx: Length, ry: Length) -> Tensor:
    """Return a soft elliptic spot around the origin, 1 to 0."""
    u, v = x / rx, y / ry
    return bump(u * u + v * v)


def wave(t: Tensor) -> Tensor:
    """Return a wave of period 1 between -1 and 1, made of parabolas."""
    u = 2 * (t - t.floor()) - 1
    return 4 * u * (1 - u.abs())
