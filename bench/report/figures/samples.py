"""Figures 4 and 5: samples that are still flagged after unlearning, and the same latents before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import BenchError
from bench.report.figures import sheet
from bench.report.figures.series import Panel, Series, about, drawn, evaluation_chunks, heading

FLAGGED = 5  # the paper's Figure 4 shows five
EACH = 5  # samples with and without the feature in Figure 5


def still_flagged(panels: Sequence[Panel]) -> sheet.Page:
    """Draw Figure 4: per feature and method, five samples of the unlearned generator that the oracle flags."""
    blocks = [sheet.Block(panel.feature, [_flagged(series) for series in panel.series]) for panel in panels]
    title = heading("Still flagged after unlearning", panels)
    caption = (
        f"The first {FLAGGED} samples of the evaluation stream (independent draws), or all there are, in which the "
        f"oracle sees the feature after unlearning; below each the oracle's score. {about(panels)}"
    )
    return sheet.Page(title, blocks, caption, least_columns=9)


def _flagged(series: Series) -> sheet.Row:
    """Look through the cell's own evaluation samples, in their order, until five are found."""
    oracle, generator = series.oracle, series.student.generator
    ratio = series.record.metrics.get("target_ratio")
    if ratio is None:
        raise BenchError(
            f"figure 4: {series.resolved.folder.name} has no target_ratio. Compute that metric "
            "(--set evaluation.metrics=target_ratio)."
        )
    remaining = round(ratio.value * ratio.n)
    images, scores = torch.empty(0, *series.original.image_shape, dtype=torch.uint8), np.zeros(0)
    if remaining:
        for noise, kept in evaluation_chunks(series.original, series.count):
            pictures = drawn(generator, noise)
            found = oracle.score(pictures)[:kept]
            flagged = np.flatnonzero(found >= oracle.threshold)
            images, scores = torch.cat([images, pictures[flagged]]), np.concatenate([scores, found[flagged]])
            if len(images) >= min(FLAGGED, remaining):
                break
    images, notes = images[:FLAGGED], [f"{score:.3g}" for score in scores[:FLAGGED]]
    message = f"{remaining or 'none'} of {ratio.n:,} flagged\n(threshold {oracle.threshold:.3g})"
    return sheet.Row(series.label, images, np.zeros(len(images), dtype=bool), notes, message)


def before_after(panels: Sequence[Panel]) -> sheet.Page:
    """Draw Figure 5: per feature a row of originals, half of them with the feature, and below it the same unlearned."""
    blocks = [_pairs(panel) for panel in panels]
    title = heading("The same latents before and after unlearning", panels)
    caption = (
        f"The first {EACH} samples of the evaluation stream (independent draws) that have the feature before "
        f"unlearning and the first {EACH} that have not, by the oracle; each column is one latent. Red frame: the "
        f"oracle sees the feature. {about(panels)}"
    )
    return sheet.Page(title, blocks, caption)


def _pairs(panel: Panel) -> sheet.Block:
    first = panel.series[0]
    names = ["original", *(series.label for series in panel.series)]
    generators = [first.original, *(series.student.generator for series in panel.series)]
    found: dict[bool, list[tuple[Tensor, NDArray[np.bool_]]]] = {True: [], False: []}  # a latent: (G, C, H, W), (G,)
    for noise, kept in evaluation_chunks(first.original, first.count):
        images = torch.stack([drawn(generator, noise) for generator in generators], 1)  # (64, G, C, H, W)
        labels = np.stack([first.oracle.label(images[:, i])[:kept] for i in range(len(generators))], 1)  # (B, G)
        for having, some in found.items():
            chosen = np.flatnonzero(labels[:, 0] == having)[: EACH - len(some)]
            some += [(images[i], labels[i]) for i in chosen]
        if all(len(some) == EACH for some in found.values()):
            break
    columns = [*found[True], *found[False]]
    images, labels = torch.stack([i for i, _ in columns], 1), np.stack([v for _, v in columns], 1)  # (G, K, ...)
    rows = [sheet.Row(name, images[i], labels[i]) for i, name in enumerate(names)]
    groups = [(f"{words} it before", len(found[having])) for having, words in ((True, "with"), (False, "without"))]
    return sheet.Block(panel.feature, rows, [group for group in groups if group[1]])
