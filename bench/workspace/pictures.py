"""Picture grids: the same noise before and after unlearning (the paper's Figure 5)."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.api import Generator
from bench.api.feedback import Feedback
from bench.api.noise import noise_chunks, stream_noise
from bench.core.files import write_bytes
from bench.core.rendering import to_float, to_uint8

COLUMNS = 10
SHOWABLE = (1, 3, 4)  # channels that a PNG file holds as grey, RGB and RGBA
SHEET = 100  # images per grid of samples
SUREST = 40  # images on the sheet of those that the judge is surest about


def sample_name(number: int) -> str:
    """Return the file name of a sample's picture."""
    return f"{number:06d}.png"


@torch.no_grad()
def save_before_after(
    original: Generator,
    unlearned: nn.Module,
    labels: NDArray[np.bool_],
    path: Path,
    shown: Feedback,
) -> None:
    """Write a picture of four rows: samples with the feature before and after, samples without it before and after.

    Parameters
    ----------
    original : Generator
    unlearned : nn.Module
        Noise to images.
    labels : (N,) bool
        Which of the original's samples have the feature; the first ten with it and the first ten without it are shown.
    path : Path
        PNG file.
    shown : Feedback
        Its samples are the labelled ones; its own labels are not read.
    """
    device, samples = next(original.parameters()).device, shown.of(original)
    rows = []
    for having in (True, False):
        indices = [int(i) for i in np.flatnonzero(labels == having)[:COLUMNS]]
        if indices:
            noise = torch.cat([samples.noise(i, i + 1, original.noise_dim) for i in indices]).to(device)
            rows += [_padded(to_uint8(original(noise))), _padded(to_uint8(unlearned(noise)))]
    save_grid(torch.cat(rows), path, COLUMNS)


@torch.no_grad()
def save_surest(original: Generator, scores: NDArray[np.float64], stream: str, path: Path) -> None:
    """Write a grid of the original's samples with the highest scores, the highest first.

    Parameters
    ----------
    original : Generator
    scores : (N,) float64
        Of samples 0 to N - 1 of the stream.
    stream : str
    path : Path
        PNG file.
    """
    best = np.argsort(-scores, kind="stable")[:SUREST]
    noise = torch.cat([stream_noise(original, stream, int(i), int(i) + 1) for i in best])
    save_grid(to_uint8(original(noise)), path, COLUMNS)


def save_grid(images: torch.Tensor, path: Path, columns: int) -> None:
    """Write (N, C, H, W) uint8 images as one PNG, small ones enlarged."""
    from torchvision.utils import make_grid, save_image

    scale = max(1, 56 // images.shape[-1])
    enlarged = to_float(visible(images)).repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    buffer: Any = io.BytesIO()
    save_image(make_grid(enlarged, nrow=columns, padding=4, pad_value=0.5), buffer, format="png")
    write_bytes(path, buffer.getvalue())


def visible(images: torch.Tensor) -> torch.Tensor:
    """Return images (N, C, H, W) as a PNG file shows them: grey, RGB or RGBA, else each channel in grey, in a row."""
    if images.shape[1] in SHOWABLE:
        return images
    return torch.cat(list(images[:, :, None].unbind(1)), dim=-1)  # (N, 1, H, C W)


def _padded(images: torch.Tensor) -> torch.Tensor:
    missing = COLUMNS - len(images)
    return torch.cat([images, torch.full((missing, *images.shape[1:]), 128, dtype=torch.uint8)]) if missing else images


@torch.no_grad()
def sample_to_folder(generator: Generator, count: int, folder: Path, stream: str) -> None:
    """Draw ``count`` images of a random stream into PNG files, and into grids of 100: grid.png, grid-000100.png, ..."""
    from torchvision.utils import save_image

    folder.mkdir(parents=True, exist_ok=True)
    drawn = noise_chunks(generator, stream, count)
    images = (image for noise, kept in drawn for image in to_uint8(generator(noise))[:kept])
    for first in range(0, count, SHEET):
        sheet = list(itertools.islice(images, SHEET))
        for number, image in enumerate(sheet, first):
            save_image(to_float(visible(image[None])[0]), folder / sample_name(number))
        save_grid(torch.stack(sheet), folder / (f"grid-{first:06d}.png" if first else "grid.png"), COLUMNS)
