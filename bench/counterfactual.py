"""The same picture without the feature: a small network that has learnt it from a data set's true pairs.

A generator's sample has no seed in the renderer, so nobody can redraw it. But a data set that can redraw its own images
without a feature (``Dataset.counterfactual``) gives true pairs to learn from, and held-out pairs to say how far the
network is from the truth. It can change pixels only where the feature changed some training image; everywhere else
its output is its input. ``benchmarks/counterfactual_ranking.py`` shows what a distance from it can tell apart.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench import checkpoint, keys, randomness, zoo
from bench.api import Dataset
from bench.context import Context
from bench.errors import CheckpointError, DataError
from bench.rendering import chunks, to_float

if TYPE_CHECKING:
    from bench.workshop import Workshop

PAIRS, HELD_OUT = 3000, 1000  # true pairs of the training split, and of the test split
STEPS, BATCH, LR, WARM_UP = 2000, 16, 3e-3, 30
UNTOUCHED = 0.1  # share of a batch whose input lacks the feature already: to be left as it is
CHANNELS = 16


class Remover(nn.Module):
    """A U-Net (Ronneberger et al., arXiv 1505.04597) on 2x2 blocks of pixels that paints over part of its input.

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
        """Map images (N, C, H, W) float32 in [0, 1] to the same without the feature, (N, C, H, W) in [0, 1]."""
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
        colour, opacity = painted[:, :-1] + 0.5, torch.sigmoid(painted[:, -1:] + 1)  # begins by painting over much
        return (images + self.support * opacity * (colour - images)).clamp(0, 1)


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU(0.2))


# --- true pairs, and a remover fitted to them -----------------------------------------------------------


def has_counterfactuals(dataset: Dataset) -> bool:
    """Say whether a data set can redraw its images without a feature."""
    return type(dataset).counterfactual is not Dataset.counterfactual


def true_pairs(dataset: Dataset, split: str, feature: str, count: int) -> tuple[Tensor, Tensor]:
    """Return the first images of a split that can show a feature, with it and without it.

    Returns
    -------
    having, lacking : (N, C, H, W) uint8
        N = ``count``, or fewer if the split has no more.
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
        raise DataError(f"no image of {dataset.label} ({split}) can show '{feature}': there is no counterfactual")
    return torch.cat(having)[:count], torch.cat(lacking)[:count]


def fit_remover(dataset: Dataset, feature: str, context: Context, pairs: int = PAIRS, steps: int = STEPS) -> Remover:
    """Fit a remover to true pairs of the training split, by mean |e| + 4 e^2 over the support; Adam, cosine schedule.

    |e| is what ``errors`` measures; alone it can end in painting nothing, since most pixels are to be left alone.
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
    """Return how far edited images are from what a remover makes of the images they were made from.

    Parameters
    ----------
    remover : Remover
    having : (N, C, H, W) uint8
        Images with the feature.
    edited : (N, C, H, W) uint8
        The same after an edit that should have removed it.

    Returns
    -------
    (N, 2) float64 on the CPU
        On the support, and off it: their sum is mean |difference| over the pixels of an image scaled to [0, 1].
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


# --- shipped, or made here once -------------------------------------------------------------------------


def zoo_name(dataset: str, feature: str) -> str:
    """Return the name of a shipped remover."""
    return f"{dataset}-{feature}-remover"


def identity(shop: Workshop, dataset_name: str, feature: str) -> str | None:
    """Say which remover would be used, without making any: part of a cell's key; None if there can be none."""
    dataset = shop.dataset(dataset_name)
    if not has_counterfactuals(dataset):
        return None
    entry = zoo.entries().get(zoo_name(dataset_name, feature))
    drawn = (type(dataset).split, type(dataset).counterfactual)
    made_of = [dataset_name, feature, keys.code_of(fit_remover, *drawn)] if entry is None else [entry.sha256]
    return keys.digest([*made_of, keys.code_of(load_remover, errors)])


def remover_for(shop: Workshop, dataset_name: str, feature: str) -> Remover | None:
    """Return the shipped remover, or one made here once; None for a data set without counterfactuals."""
    key = identity(shop, dataset_name, feature)
    if key is None:
        return None
    name = zoo_name(dataset_name, feature)
    if name in zoo.entries():
        return load_remover(zoo.path_of(name)).to(shop.device)
    path = shop.store.root.parent / "counterfactual" / f"{name}-{key[:8]}.safetensors"
    if not path.exists():
        shop.progress.note(f"no shipped weights say what '{dataset_name}' is without '{feature}': they are made here")
        write_remover(shop, dataset_name, feature, path)
    return load_remover(path).to(shop.device)


def write_remover(
    shop: Workshop, dataset_name: str, feature: str, path: Path, pairs: int = PAIRS, steps: int = STEPS
) -> dict[str, Any]:
    """Fit a remover, measure it on held-out true pairs, and write both; returns what was measured.

    Returns
    -------
    dict
        ``{"pairs": N, "error": E, "unedited": U}``: mean error of the truth (0 for a perfect remover), and of images
        left as they were.
    """
    dataset = shop.dataset(dataset_name)
    context = Context(
        stream=f"counterfactual/{dataset_name}/{feature}",
        device=shop.device,
        checkpoint=path.with_suffix(".checkpoint.pt"),
        progress=shop.progress,
        label=f"learn what is there without {feature}",
    )
    remover = fit_remover(dataset, feature, context, pairs, steps)
    having, lacking = true_pairs(dataset, "test", feature, HELD_OUT)
    measured = {
        "pairs": len(having),
        "error": float(errors(remover, having, lacking).sum(1).mean()),
        "unedited": float(errors(remover, having, having).sum(1).mean()),
    }
    described = {
        "dataset": dataset.label,
        "feature": feature,
        "image_shape": list(remover.image_shape),
        "channels": remover.channels,
        "recipe": {"pairs": pairs, "steps": steps, "batch": BATCH, "lr": LR},
        "held_out": measured,
    }
    tensors = checkpoint.state_of({"remover": remover})
    checkpoint.save(path, "counterfactual", zoo_name(dataset_name, feature), described, tensors)
    path.with_suffix(".checkpoint.pt").unlink(missing_ok=True)
    return measured


def load_remover(path: Path) -> Remover:
    """Load what ``write_remover`` wrote."""
    stored = checkpoint.read(path)
    if stored.kind != "counterfactual":
        raise CheckpointError(f"{path}: holds a {stored.kind}, not the weights that remove a feature")
    colours, height, width = stored.description["image_shape"]
    remover = Remover((colours, height, width), stored.description["channels"])
    checkpoint.load_into(remover, stored.part("remover"), path, "remover")
    return remover.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def ship_remover(shop: Workshop, dataset_name: str, feature: str) -> Path:
    """Make a remover and enter it in the package's zoo; returns the file."""
    name = zoo_name(dataset_name, feature)
    path = zoo.WEIGHTS / f"{name}.safetensors"
    measured = write_remover(shop, dataset_name, feature, path)
    label = shop.dataset(dataset_name).label
    about = (
        f"{label} without {feature}; |error| {measured['error']:.4f} on {measured['pairs']} held-out true pairs "
        f"({measured['unedited']:.4f} unedited)"
    )
    command = f"bench zoo counterfactual --dataset {dataset_name} --feature {feature}"
    zoo.add(name, path, "counterfactual", about, command)
    return path
