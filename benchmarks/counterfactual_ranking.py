"""What ``counterfactual_error`` can tell apart: good and bad edits of faces for which the truth is known.

Run: ``python benchmarks/counterfactual_ranking.py --feature beard`` (two minutes). It prints a row per edit, from true
pairs of the test split, on which no remover was trained. ``above`` is the share of pairs in which the edit scores worse
than the true counterfactual: 1/2 for a score that sees no difference. Two simpler scores are shown for comparison: the
change outside the region where the feature can be, and the change anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.functional import adjust_hue, gaussian_blur

from bench.core import randomness
from bench.core.rendering import to_float
from bench.datasets.synthfaces.causes import People, intervene
from bench.datasets.synthfaces.renderer import region, render
from bench.evaluation import counterfactual, removers
from bench.registry import Registry
from bench.workspace import manifest

SPLIT = "synthfaces/test"
REGION = 0.01  # a pixel lies in the region if the feature of at least this share of 2,000 training faces reaches it
RIVALS = ("outside", "change")


@dataclass(frozen=True)
class Pairs:
    """Faces with and without the feature, (N, 3, H, W) float32, the region of each, (N, 1, H, W), and their indices."""

    feature: str
    indices: np.ndarray[Any, Any]
    having: Tensor
    lacking: Tensor
    region: Tensor

    def redrawn(self, **causes: Callable[[People], Any]) -> Tensor:
        """Draw the same faces without the feature, and with some other causes changed."""

        def change(people: People) -> People:
            changed = {name: value(people) for name, value in causes.items()}
            return replace(intervene(people, self.feature, False), **changed)

        return to_float(render(SPLIT, self.indices, change))

    def inside(self, filling: Tensor) -> Tensor:
        """Replace each face's own region by ``filling``."""
        return self.having + self.region * (filling - self.having)


def pairs_of(feature: str, count: int) -> Pairs:
    dataset = Registry().get("datasets", "synthfaces")()
    indices = np.arange(10_000)
    indices = indices[dataset.can_show("test", indices, feature)][:count]
    a, b = (to_float(dataset.counterfactual("test", indices, feature, v)) for v in (True, False))
    where = torch.from_numpy(region(SPLIT, indices, feature)).float()[:, None]
    return Pairs(feature, indices, a, b, where)


def edits(p: Pairs) -> Iterator[tuple[str, Tensor]]:
    """Yield the truth, then edits that are wrong in a known way, strong and weak."""
    a, b, other = p.having, p.lacking, p.lacking.roll(7, 0)
    outside = 1 - p.region
    face_colour = (a * outside).sum((2, 3), keepdim=True) / outside.sum((2, 3), keepdim=True)
    filled = p.inside(face_colour.expand_as(a))
    man_or_woman = p.redrawn(male=lambda people: ~people.male)
    noise = torch.randn(b.shape, generator=randomness.generator("ranking", 0))
    yield "the truth", b
    yield "feature kept", a
    yield "feature half removed", (a + b) / 2
    yield "feature nine tenths removed", 0.1 * a + 0.9 * b
    yield from ((f"truth, blurred by {s} px", gaussian_blur(b, 9, [s, s])) for s in (0.5, 1.0, 2.0))
    yield from ((f"truth, hue shifted by {s:.0%}", adjust_hue(b, s)) for s in (0.02, 0.05, 0.15))
    yield from ((f"truth, brighter by {s:.0%}", b + s) for s in (0.03, 0.10))
    yield "truth, noise of 2 %", b + 0.02 * noise
    yield "truth, shifted by 1 px", b.roll(1, -1)
    yield "another face without the feature", other
    yield from ((f"truth mixed with {s:.0%} of another face", torch.lerp(b, other, s)) for s in (0.1, 0.25, 0.5))
    yield "truth, glasses put on or off", p.redrawn(glasses=lambda people: ~people.glasses)
    yield "truth, hat put on or off", p.redrawn(hat=lambda people: ~people.hat)
    yield "truth, other hair colour", p.redrawn(colour=lambda people: (people.colour + 1) % 4)
    yield "truth, smile on or off", p.redrawn(smiling=lambda people: ~people.smiling)
    yield "truth, moustache on or off", p.redrawn(moustache=lambda people: ~people.moustache)
    yield "truth, sex changed", man_or_woman
    yield from ((f"truth mixed with {s:.0%} of sex changed", torch.lerp(b, man_or_woman, s)) for s in (0.1, 0.25))
    yield "truth, other background", torch.where(_background(p), other, b)
    yield "region filled with the face's mean colour", filled
    yield from ((f"truth mixed with {s:.0%} of that", torch.lerp(b, filled, s)) for s in (0.1, 0.25, 0.5))
    yield "region filled with the mean face", p.inside(b.mean(0, keepdim=True))
    yield "region blurred", p.inside(gaussian_blur(a, 15, [4.0, 4.0]))
    yield "region of another face", p.inside(other)


def _background(p: Pairs) -> Tensor:
    """Return (1, 1, H, W) bool: the corners that no face reaches."""
    corners = torch.zeros(1, 1, *p.lacking.shape[-2:], dtype=torch.bool)
    corners[..., :20, :10] = corners[..., :20, -10:] = True
    return corners


def scores_of(remover: counterfactual.Remover, p: Pairs) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return the scores to compare, each from edited images to (N,)."""
    train = region("synthfaces/train", np.arange(2000), p.feature)
    reached = train[train.any((1, 2))].mean(0) >= REGION
    away = torch.from_numpy(~reached).float()
    having = (p.having * 255).round().to(torch.uint8)

    def rounded(images: Tensor) -> Tensor:
        return (images.clamp(0, 1) * 255).round().to(torch.uint8)

    def changed(images: Tensor) -> Tensor:
        return (to_float(rounded(images)) - p.having).abs().mean(1)  # (N, H, W)

    return {
        "counterfactual_error": lambda images: counterfactual.errors(remover, having, rounded(images)).sum(1),
        "outside": lambda images: (changed(images) * away).sum((1, 2)) / away.sum(),
        "change": lambda images: changed(images).mean((1, 2)),
        "true error": lambda images: (to_float(rounded(images)) - p.lacking).abs().flatten(1).mean(1),
    }


def ranking(remover: counterfactual.Remover, p: Pairs) -> pd.DataFrame:
    """Return a row per edit: its true error, and for each score its mean and the share of pairs above the truth's."""
    scores = scores_of(remover, p)
    good: dict[str, Tensor] = {}
    rows = []
    for name, images in edits(p):
        found = {score: of(images) for score, of in scores.items()}
        good = good or found
        row: dict[str, Any] = {"edit": name, "true error": float(found["true error"].mean())}
        wrong = found["true error"] > 0
        for score in ("counterfactual_error", *RIVALS):
            row[score] = float(found[score].mean())
            above = (found[score] > good[score]).double() + (found[score] == good[score]).double() / 2
            row[f"above ({score})"] = float(above[wrong].mean()) if wrong.any() else float("nan")
        rows.append(row)
    return pd.DataFrame(rows)


def unlike_the_renderer(remover: counterfactual.Remover, p: Pairs) -> pd.DataFrame:
    """Return the remover's error on true pairs whose images are both distorted, as a generator's might be."""
    low = 0.2 * F.interpolate(torch.rand(len(p.having), 2, 6, 6, generator=randomness.generator("warp", 0)) - 0.5, 64)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    grid = torch.stack([x, y], -1) * (63 / 64) + gaussian_blur(low, 15, [5.0, 5.0]).movedim(1, -1)
    distortions: dict[str, Callable[[Tensor], Tensor]] = {
        "none": lambda images: images,
        "blurred by 0.8 px": lambda images: gaussian_blur(images, 5, [0.8, 0.8]),
        "warped by up to 3 px": lambda images: F.grid_sample(images, grid, padding_mode="border", align_corners=False),
        "redder by 8 %": lambda images: images * torch.tensor([1.08, 1.0, 0.95])[:, None, None],
        "averaged with another pair": lambda images: 0.6 * images + 0.4 * images.roll(5, 0),
    }
    rows = []
    for name, distort in distortions.items():
        a, b = ((distort(images).clamp(0, 1) * 255).round().to(torch.uint8) for images in (p.having, p.lacking))
        found = {
            what: float(counterfactual.errors(remover, a, g).sum(1).mean()) for what, g in (("truth", b), ("kept", a))
        }
        rows.append({"both pictures": name, **found})
    return pd.DataFrame(rows)


def floors() -> pd.DataFrame:
    """Return what the shipped removers make of true pairs: mean error of the truth inside and outside, of no edit."""
    faces, rows = Registry().get("datasets", "synthfaces")(), []
    for feature in ("bang", "beard"):
        remover = removers.load_remover(manifest.path_of(removers.zoo_name("synthfaces", feature)))
        having, lacking = counterfactual.true_pairs(faces, "test", feature, counterfactual.HELD_OUT)
        inside, outside = counterfactual.errors(remover, having, lacking).mean(0).tolist()
        unedited = float(counterfactual.errors(remover, having, having).sum(1).mean())
        rows.append({"feature": feature, "inside": inside, "outside": outside, "unedited": unedited})
    return pd.DataFrame(rows).assign(pairs=counterfactual.HELD_OUT)


@click.command()
@click.option("--feature", type=click.Choice(["bang", "beard"]), default="beard", show_default=True)
@click.option("--pairs", type=click.IntRange(2), default=1000, show_default=True)
@click.option(
    "--weights", type=click.Path(path_type=Path), default=None, help="Weights of a remover (default: the shipped one)."
)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the table to this CSV file.")
@click.option("--floor-out", type=click.Path(path_type=Path), default=None, help="Write only the floors, to this file.")
def main(feature: str, pairs: int, weights: Path | None, out: Path | None, floor_out: Path | None) -> None:
    """Rank good and bad edits of faces for which the truth is known."""
    if floor_out is not None:
        floors().to_csv(floor_out, index=False, float_format="%.4g")
        return
    remover = removers.load_remover(weights or manifest.path_of(removers.zoo_name("synthfaces", feature)))
    found = pairs_of(feature, pairs)
    table = ranking(remover, found)
    click.echo(table.to_string(index=False, float_format=lambda x: f"{x:.4f}"))
    click.echo(unlike_the_renderer(remover, found).to_string(index=False, float_format=lambda x: f"{x:.4f}"))
    if out is not None:
        table.to_csv(out, index=False)


if __name__ == "__main__":
    main()
