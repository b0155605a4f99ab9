"""A scene (numbers, colours and coordinates of N faces), a layer, and how layers lie on one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .shapes import ellipse

SIZE = 64
Stroke = tuple[Tensor, Tensor]  # coverage (N, H, W) in [0, 1], colour (3, N, 1 or H, 1 or W) in [0, 1]


@dataclass(frozen=True)
class Scene:
    """What layers draw from: N faces, on a strip of rows of the canvas.

    Attributes
    ----------
    numbers : dict of str to (N, 1, 1) float32
    colours : dict of str to (3, N, 1, 1) float32
    x, y : (N, H, W) float32
        Head coordinates: unit about half a face width, y down, origin between the eyes and the nose.
    inner_x : (N, H, W) float32
        x for what lies on the face, shifted where the head turns.
    body_x, body_y : (N, H, W) float32
        The same scale, upright, below the chin.
    face : (N, H, W) float32
        Signed distance to the outline of the face.
    """

    numbers: dict[str, Tensor]
    colours: dict[str, Tensor]
    x: Tensor
    y: Tensor
    inner_x: Tensor
    body_x: Tensor
    body_y: Tensor
    face: Tensor

    def number(self, name: str) -> Tensor:
        """Return one number of each face, (N, 1, 1)."""
        return self.numbers[name]

    def colour(self, name: str) -> Tensor:
        """Return one colour of each face, (3, N, 1, 1)."""
        return self.colours[name]

    def cover(self, distance: Tensor) -> Tensor:
        """Map a signed distance to the share of the pixel inside: analytic antialiasing."""
        return (0.5 - distance * self.number("scale")).clamp(0, 1)

    def soft(self, distance: Tensor, blur: float) -> Tensor:
        """Map a signed distance to a blurred coverage, ``blur`` head units wide."""
        t = (0.5 - distance * (1 / blur)).clamp(0, 1)
        return t * t * (3 - 2 * t)

    def line(self, distance: Tensor, half: float | Tensor) -> Tensor:
        """Cover a line of half width ``half`` along the zero of a distance."""
        return self.cover(distance.abs() - half)

    def strip(self, first: int, last: int) -> Scene:
        """Return the rows first..last-1 of the same faces."""
        return self._fields(lambda field: field[:, first:last])

    def only(self, chosen: Tensor) -> Scene:
        """Return some of the faces; ``chosen`` is an index (M,) int64."""
        fewer = self._fields(lambda field: field[chosen])
        return replace(
            fewer,
            numbers={name: value[chosen] for name, value in self.numbers.items()},
            colours={name: value[:, chosen] for name, value in self.colours.items()},
        )

    def _fields(self, change: Callable[[Tensor], Tensor]) -> Scene:
        return replace(
            self,
            x=change(self.x),
            y=change(self.y),
            inner_x=change(self.inner_x),
            body_x=change(self.body_x),
            body_y=change(self.body_y),
            face=change(self.face),
        )


@dataclass(frozen=True)
class Layer:
    """One part of the picture.

    Attributes
    ----------
    paint : callable
        Gives the layer's strokes, bottom first.
    rows : tuple of int
        The strip of the canvas it can reach; nothing of it is cut off there.
    when : str or None
        Only faces for which this number is above zero have it.
    feature : str or None
        The target feature it belongs to.
    """

    paint: Callable[[Scene], Iterable[Stroke]]
    rows: tuple[int, int] = (0, SIZE)
    when: str | None = None
    feature: str | None = None


def scene(numbers: dict[str, Tensor], colours: dict[str, Tensor]) -> Scene:
    """Lay the coordinates of N faces over the canvas."""
    scale, cosine, sine = numbers["scale"], numbers["cosine"], numbers["sine"]
    centres = torch.arange(SIZE, dtype=torch.float32) + 0.5
    across = (centres[None, None, :] - numbers["centre_x"]) / scale  # (N, 1, W)
    down = (centres[None, :, None] - numbers["centre_y"]) / scale  # (N, H, 1)
    x = across * cosine + down * sine  # (N, H, W)
    y = down * cosine - across * sine
    return Scene(
        numbers,
        colours,
        x=x,
        y=y,
        inner_x=x - numbers["turn"],
        body_x=(across + 0.9 * sine) + torch.zeros_like(down),
        body_y=down + torch.zeros_like(across),
        face=_face(x, y, numbers),
    )


def _face(x: Tensor, y: Tensor, numbers: dict[str, Tensor]) -> Tensor:
    """Distance to the face's outline: an ellipse, wider or narrower towards skull, cheeks and chin."""
    height = torch.where(y < 0, numbers["face_top"], numbers["face_bottom"])
    t = y / height
    up, low = (-t).clamp(0, 1.2), t.clamp(0, 1.1)
    width = numbers["face_width"] * (
        1 + 0.10 * up * up + numbers["cheeks"] * low * (1.1 - low) - numbers["taper"] * low * low
    )
    return ellipse(x, y, width, height)


def compose(canvas: Tensor, scene: Scene, layers: Iterable[Layer]) -> None:
    """Draw layers, bottom first, on a canvas (3, N, 64, 64) float32, in place."""
    for layer, chosen, part in _parts(scene, layers):
        target = canvas[:, :, layer.rows[0] : layer.rows[1]]
        sheet = target if chosen is None else target[:, chosen]
        for coverage, colour in layer.paint(part):
            sheet += (colour - sheet) * coverage
        if chosen is not None:
            target[:, chosen] = sheet


def reach(scene: Scene, layers: Iterable[Layer]) -> Tensor:
    """Return where layers cover anything at all: (N, 64, 64) bool."""
    reached = torch.zeros(scene.x.shape, dtype=torch.bool)
    for layer, chosen, part in _parts(scene, layers):
        for coverage, _ in layer.paint(part):
            strip = reached[:, layer.rows[0] : layer.rows[1]]
            strip[slice(None) if chosen is None else chosen] |= coverage > 0
    return reached


def _parts(scene: Scene, layers: Iterable[Layer]) -> Iterable[tuple[Layer, Tensor | None, Scene]]:
    for layer in layers:
        part, chosen = scene.strip(*layer.rows), None
        if layer.when is not None:
            has = scene.number(layer.when)[:, 0, 0] > 0
            if not has.any():
                continue
            if not has.all():
                chosen = has.nonzero()[:, 0]
                part = part.only(chosen)
        yield layer, chosen, part
