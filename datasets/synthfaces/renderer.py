"""The list of layers, bottom first, and pictures from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import layers_hair as hair
from . import layers_head as head
from . import layers_scene as scenery
from . import layers_things as things
from .appearance import Appearance, appearance
from .canvas import SIZE, Layer, Scene, compose, reach, scene
from .causes import People, intervene, sample
from .draws import Draws

CHUNK = 32  # faces drawn together: what fits a core's cache; it changes no bit

LAYERS = (
    Layer(scenery.background),
    Layer(scenery.disc, when="disc"),
    Layer(scenery.bokeh, when="bokeh"),
    Layer(hair.mane, when="mane"),
    Layer(hair.afro, when="afro"),
    Layer(hair.bun, when="bun", rows=(0, 36)),
    Layer(scenery.neck, rows=(32, SIZE)),
    Layer(scenery.crew, when="crew", rows=(40, SIZE)),
    Layer(scenery.vee, when="vee", rows=(40, SIZE)),
    Layer(scenery.turtleneck, when="turtleneck", rows=(40, SIZE)),
    Layer(scenery.stripes, when="stripes", rows=(40, SIZE)),
    Layer(scenery.collar, when="collar", rows=(40, SIZE)),
    Layer(scenery.suit, when="suit", rows=(40, SIZE)),
    Layer(scenery.necktie, when="necktie", rows=(40, SIZE)),
    Layer(scenery.necklace, when="necklace", rows=(40, SIZE)),
    Layer(hair.tail, when="tail"),
    Layer(head.second_chin, when="double_chin", rows=(36, SIZE)),
    Layer(head.ears, when="show_ears", rows=(20, 52)),
    Layer(head.skin, rows=(8, SIZE)),
    Layer(head.freckles, when="freckles", rows=(24, 52)),
    Layer(head.blush, when="rosy", rows=(24, 56)),
    Layer(head.wrinkles, when="old", rows=(12, SIZE)),
    Layer(head.eyelids, rows=(16, 48)),
    Layer(head.bags, when="bags", rows=(20, 52)),
    Layer(hair.beard, when="beard", rows=(24, SIZE), feature="beard"),
    Layer(head.nose, rows=(16, 56)),
    Layer(head.mouth, rows=(32, SIZE)),
    Layer(hair.moustache, when="moustache", rows=(32, 60)),
    Layer(head.eyes, rows=(16, 48)),
    Layer(head.brows, rows=(16, 44)),
    Layer(hair.sideburns, when="sideburns", rows=(20, 56)),
    Layer(hair.cap, when="cap"),
    Layer(hair.fringe, when="bangs", rows=(4, 48), feature="bang"),
    Layer(things.studs, when="stud", rows=(24, 60)),
    Layer(things.hoops, when="hoop", rows=(24, SIZE)),
    Layer(things.drops, when="drop", rows=(24, SIZE)),
    Layer(things.glasses, when="glasses", rows=(16, 52)),
    Layer(things.beanie, when="beanie", rows=(0, 44)),
    Layer(things.peaked, when="peaked", rows=(0, 44)),
    Layer(things.brimmed, when="brimmed", rows=(0, 44)),
    Layer(things.light),
)


def render(
    stream: str, indices: NDArray[np.int64], change: Callable[[People], People] = lambda people: people
) -> Tensor:
    """Draw faces.

    Parameters
    ----------
    stream : str
        ``synthfaces/<split>``.
    indices : (N,) int64
    change : callable, optional
        An intervention on the causes; all other latents stay.

    Returns
    -------
    (N, 3, 64, 64) uint8
    """
    images = torch.empty(len(indices), 3, SIZE, SIZE, dtype=torch.uint8)
    with torch.inference_mode():
        for first in range(0, len(indices), CHUNK):
            some = indices[first : first + CHUNK]
            canvas = torch.zeros(3, len(some), SIZE, SIZE)
            compose(canvas, scene_of(stream, some, change), LAYERS)
            images[first : first + CHUNK] = (canvas * 255 + 0.5).clamp(0, 255).to(torch.uint8).movedim(0, 1)
    return images


def region(stream: str, indices: NDArray[np.int64], feature: str) -> NDArray[np.bool_]:
    """Return where a feature can change a pixel: (N, 64, 64) bool; empty for a face that cannot show it."""
    masks = np.zeros((len(indices), SIZE, SIZE), dtype=bool)
    layers = [layer for layer in LAYERS if layer.feature == feature]
    with torch.inference_mode():
        for first in range(0, len(indices), CHUNK):
            some = indices[first : first + CHUNK]
            masks[first : first + CHUNK] = reach(
                scene_of(stream, some, lambda people: intervene(people, feature, True)), layers
            ).numpy()
    return masks


def scene_of(stream: str, indices: NDArray[np.int64], change: Callable[[People], People]) -> Scene:
    """Set the scene for some faces: causes, intervention, appearance, coordinates."""
    draws = Draws(stream, indices.tolist())
    return scene(*_tensors(appearance(change(sample(draws)), draws)))


def _tensors(looks: Appearance) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    numbers = {n: torch.from_numpy(v.astype(np.float32))[:, None, None] for n, v in looks.numbers.items()}
    colours = {n: torch.from_numpy(v.T.astype(np.float32))[:, :, None, None] for n, v in looks.colours.items()}
    return numbers, colours
