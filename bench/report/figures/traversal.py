"""Figure 1: latents moved along the target direction, seen through the original and the unlearned generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.api import Generator, NoiseLatentGenerator
from bench.core.rendering import to_uint8
from bench.errors import UsageError
from bench.report.figures import sheet
from bench.report.figures.series import Panel, Series, about, evaluation_chunks, heading
from bench.toolkit.latent import Direction

Latent = tuple[Tensor, Tensor]  # noise (1, D) and latent (1, L) of one sample

STEPS = 9  # pictures in a row
BASES = 2  # latents that are moved
SHOWN = 1024  # evaluation samples whose projections set the range, and among which the bases are looked for
ENDS = (0.01, 0.99)  # quantiles of those projections


def traversal(panels: Sequence[Panel]) -> sheet.Page:
    """Draw Figure 1: per feature two latents, each moved from little to much of the feature."""
    found = [_traversed(panel) for panel in panels]
    gaining = ", ".join(f"{panel.feature} {gains}" for panel, (_, gains) in zip(panels, found, strict=True))
    caption = (
        f"Latents moved along the target direction of {panels[0].series[0].label}, from the {ENDS[0]:.0%} to the "
        f"{ENDS[1]:.0%} quantile of the samples' projections, all else held. They are the first {BASES} evaluation "
        f"samples whose original gains the feature on the way, by the oracle (found: {gaining}; where none does, the "
        f"first samples). Red frame: the oracle sees the feature. {about(panels)}"
    )
    return sheet.Page(heading("Latent traversal", panels), [block for block, _ in found], caption)


def _traversed(panel: Panel) -> tuple[sheet.Block, int]:
    """Return the pictures, and how many latents were found whose original gains the feature."""
    first = panel.series[0]
    direction = first.student.direction()
    if direction is None:
        raise UsageError(
            f"figure 1: the method '{first.resolved.cell.method}' has no target direction to move latents along. "
            "Name one that has first: --method ours,..."
        )
    path = _path(first, direction)
    gaining, others = _latents(first, direction, path)
    generators: dict[str, Any] = {"original": first.original} | {s.label: s.student.generator for s in panel.series}
    rows: list[sheet.Row] = []
    for noise, latents in gaining or others:
        for label, generator in generators.items():
            images = torch.cat([_seen(first.original, generator, direction, noise, latents, p) for p in path])
            apart = bool(rows) and label == "original"
            rows.append(sheet.Row(label, images, first.oracle.label(images), apart=apart))
    return sheet.Block(panel.feature, rows, arrow=f"less {panel.feature} to more"), len(gaining)


@torch.no_grad()
def _path(series: Series, direction: Direction) -> Sequence[float]:
    """Return the projections that are gone through."""
    chunks = evaluation_chunks(series.original, min(SHOWN, series.count))
    projections = torch.cat([direction(series.original.sample(noise)[0])[:kept] for noise, kept in chunks])
    low, high = (float(end) for end in np.quantile(projections.cpu().numpy(), ENDS))
    return [float(p) for p in np.linspace(low, high, STEPS)]


@torch.no_grad()
def _latents(series: Series, direction: Direction, path: Sequence[float]) -> tuple[list[Latent], list[Latent]]:
    """Return the first latents whose original gains the feature along the path, and the first of all."""
    gaining: list[Latent] = []
    first: list[Latent] = []
    for noise, kept in evaluation_chunks(series.original, min(SHOWN, series.count)):
        latents = series.original.sample(noise)[0]
        low, high = (
            series.oracle.label(_seen(series.original, series.original, direction, noise, latents, end))[:kept]
            for end in (path[0], path[-1])
        )
        first = first or [(noise[i : i + 1], latents[i : i + 1]) for i in range(BASES)]
        gaining += [(noise[i : i + 1], latents[i : i + 1]) for i in np.flatnonzero(~low & high)]
        if len(gaining) >= BASES:
            break
    return gaining[:BASES], first


@torch.no_grad()
def _seen(
    original: Generator, generator: Any, direction: Direction, noise: Tensor, latents: Tensor, projection: float
) -> Tensor:
    """Draw the original's latents (N, L), moved to a projection: (N, C, H, W) uint8.

    Where the latent is the noise, it is what the generator is given; elsewhere the generator decodes it.
    """
    way = direction.move if direction.oblique else direction.unit
    moved = latents + ((projection - direction(latents)) / (way @ direction.unit))[:, None] * way
    is_noise = isinstance(original, NoiseLatentGenerator)
    return to_uint8(generator(moved) if is_noise else generator.decode(moved, noise))
