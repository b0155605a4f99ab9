"""A small network that removes a feature from an image, trained on a data set's true pairs.

A generator's sample cannot be redrawn without the feature. But a data set that can redraw its own images
(``Dataset.counterfactual``) gives true pairs to learn from, and held-out pairs that tell how far the network is from
the truth. The network can change pixels only where the feature changed some training image; everywhere else its output
equals its input. ``benchmarks/counterfactual_ranking.py`` shows which edits the distance from its output tells apart.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Dataset
from bench.api.context import Context
from bench.core import randomness
from bench.core.rendering import chunks, to_float
from bench.errors import DataError

PAIRS, HELD_OUT = 3000, 1000  # true pairs of the training split, and of the test split
STEPS, BATCH, LR, WARM_UP = 2000, 16, 3e-3, 30
UNTOUCHED = 0.1  # share of a batch whose input already lacks the feature and must not change
CHANNELS = 16


class Remover(nn.Module):
    """A U-Net (Ronneberger et al., arXiv 1505.04597) on 2x2 blocks of pixels, which paints over part of its input.

    Parameters
    ----------
    image_shape : (C, H, W)
        H and W even.
    channels : int
        At half resolution; twice, three and four times as many below.

    Attributes
    ----------
    support : (H, W) float32
        1 where the feature changed some training image, else 0: where this network may change a pixel.
    """

    support: Tensor
    places: Tensor

    def __init__(self, image_shape: tuple[int, int, int], channels: int = CHANNELS) -> None:
        super().__init__()
        (colours, height, width), c = image_shape, channels
        self.image_shape, self.channels = image_shape, channels
        self.first = _layer(4 * colours + 2, c)
        self.down = nn.ModuleList([_layer(c, 2 * c, 2), _layer(2 * c, 3 * c, 2), _layer(3 * c, 4 * c, 2)])
        self.middle = nn.Sequential(_layer(4 * c, 4 * c), _layer(4 * c, 4 * c))
        self.up = nn.ModuleList([_layer(7 * c, 3 * c), _layer(5 * c, 2 * c), _layer(3 * c, c)])
        self.last = nn.Sequential(_layer(c, c), nn.Conv2d(c, 4 * (colours + 1), 3, padding=1))
        self.register_buffer("support", torch.zeros(height, width))
        y, x = torch.meshgrid(torch.linspace(-1, 1, height // 2), torch.linspace(-1, 1, width // 2), indexing="ij")
        self.register_buffer("places", torch.stack([x, y])[None], persistent=False)  # (1, 2, H/2, W/2)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) float32 in [0, 1] to the same images without the feature, in [0, 1]."""
        blocks = F.pixel_unshuffle(images, 2) - 0.5  # (N, 4C, H/2, W/2)
        x = self.first(torch.cat([blocks, self.places.expand(len(images), -1, -1, -1)], 1))
        skips = []
        for layer in self.down:
            skips.append(x)
            x = layer(x)
        x = self.middle(x)
        for layer in self.up:
            skip = skips.pop()
            x = layer(torch.cat([F.interpolate(x, size=skip.shape[-2:]), skip], 1))
        painted: Tensor = F.pixel_shuffle(self.last(x), 2)  # (N, C + 1, H, W): what to paint, and how opaquely
        colour, opacity = painted[:, :-1] + 0.5, torch.sigmoid(painted[:, -1:] + 1)  # starts out mostly opaque
        return (images + self.support * opacity * (colour - images)).clamp(0, 1)


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU(0.2))


# --- true pairs, and a remover trained on them ----------------------------------------------------------


def has_counterfactuals(dataset: Dataset) -> bool:
    """Return whether a data set can redraw its images without a feature."""
    return type(dataset).counterfactual is not Dataset.counterfactual


def true_pairs(dataset: Dataset, split: str, feature: str, count: int) -> tuple[Tensor, Tensor]:
    """Return the first images of a split that can show a feature, with and without it.

    Returns
    -------
    having, lacking : (N, C, H, W) uint8
        N = ``count``, or fewer if the split has fewer.

    Raises
    ------
    DataError
        If no image can show the feature.
    """
    having, lacking, found = [], [], 0
    for start, stop in chunks(len(dataset.split(split)), 256):
        indices = np.arange(start, stop)
        a, b = (dataset.counterfactual(split, indices, feature, value) for value in (True, False))
        shown = (a != b).flatten(1).any(1)
        having.append(a[shown])
        lacking.append(b[shown])
        found += int(shown.sum())
        if found >= count:
            break
    if found == 0:
        raise DataError(f"{dataset.label}: no image of split '{split}' can show '{feature}', so no pair can be drawn")
    return torch.cat(having)[:count], torch.cat(lacking)[:count]


def fit_remover(dataset: Dataset, feature: str, context: Context, pairs: int = PAIRS, steps: int = STEPS) -> Remover:
    """Train a remover on true pairs of the training split: mean |e| + 4 e^2 over the support, Adam, cosine schedule.

    |e| is what ``errors`` measures. On its own it can end in a network that paints nothing, since few pixels change.

    Parameters
    ----------
    dataset : Dataset
        One that implements ``counterfactual``, with a split "train".
    feature : str
        The feature to remove.
    context : Context
        Its stream decides the initial weights and the batches; it gives the device, the checkpoints and the log.
    pairs : int
        Largest number of true pairs to learn from.
    steps : int
        Batches of ``BATCH`` pairs.

    Returns
    -------
    Remover
        On the context's device, in eval mode, gradients off.

    Raises
    ------
    DataError
        If the data set cannot redraw its images, or if no training image can show the feature.
    """
    having, lacking = true_pairs(dataset, "train", feature, pairs)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(randomness.seed_of(f"{context.stream}/init", 0))
        remover = Remover(dataset.image_shape).to(memory_format=torch.channels_last).to(context.device)
    remover.support.copy_((having != lacking).any(1).any(0))
    adam = torch.optim.Adam(remover.parameters(), LR)
    for step in context.steps(steps, {"remover": remover, "adam": adam}):
        adam.param_groups[0]["lr"] = LR * min(1, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))
        rng = randomness.generator(context.stream, step)
        rows = torch.randint(len(having), (BATCH,), generator=rng)
        untouched = torch.rand(BATCH, 1, 1, 1, generator=rng) < UNTOUCHED
        images = to_float(torch.where(untouched, lacking[rows], having[rows])).to(context.device)
        e = (remover(images) - to_float(lacking[rows]).to(context.device)).abs()  # (B, C, H, W), 0 off the support
        loss = (e + 4 * e**2).sum() / (BATCH * e.shape[1] * remover.support.sum())
        adam.zero_grad()
        loss.backward()
        adam.step()
        context.log(step, loss=loss)
    return remover.eval().requires_grad_(False)


@torch.no_grad()
def errors(remover: Remover, having: Tensor, edited: Tensor) -> Tensor:
    """Return how far edited images are from a remover's output for the original images.

    Parameters
    ----------
    remover : Remover
    having : (N, C, H, W) uint8
        Images with the feature.
    edited : (N, C, H, W) uint8
        The same images after an edit that should have removed it.

    Returns
    -------
    (N, 2) float64 on the CPU
        On the support, and off it; the sum is the mean |difference| over the pixels of an image scaled to [0, 1].
    """
    device = remover.support.device
    parts = [torch.empty(0, 2, dtype=torch.float64)]
    for start, stop in chunks(len(having)):
        truth = remover(to_float(having[start:stop]).to(device))
        off = (to_float(edited[start:stop]).to(device) - truth).abs().double().mean(1)  # (B, H, W)
        parts.append(
            torch.stack([(off * where).mean((1, 2)) for where in (remover.support, 1 - remover.support)], 1).cpu()
        )
    return torch.cat(parts)
