"""The distance from which an oracle errs: judge real pictures, altered so that the labels stay true.

Run: ``python benchmarks/judge_distance.py --images faces``. A blur, noise or another hue takes no fringe and no stroke
away, so what the judge said of a picture before is the truth after. It prints and stores a row per alteration: Cohen's
kappa of the judge's labels with those, and ``oracle_far`` of the pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import altered_digits
import altered_faces
import click
import numpy as np
import pandas as pd
import torch
from altered import Altered, blurred, noisy
from metric_sensitivity import DATASETS, judged
from torch import Tensor
from torchvision.transforms.functional import adjust_hue

from bench.api import to_float
from bench.core.rendering import to_uint8
from bench.registry import Registry
from bench.toolkit.intervals import kappa
from bench.toolkit.nearest import far
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, observers

FEATURES = {"faces": ("bang", "beard"), "digits": ("thickness", "slant")}
BLURS = {"faces": (0.5, 1.0, 1.5, 2.0), "digits": (0.25, 0.5, 0.6, 0.75, 1.0)}  # px
NOISES = {"faces": (0.02, 0.05, 0.1), "digits": (0.02, 0.05, 0.2)}
HUES = (0.05, 0.15)


def alterations(images: str, pictures: Tensor) -> Iterator[Altered]:
    """Yield pictures (N, C, H, W) uint8, first as they are, then altered so that every label stays true."""
    order = np.arange(len(pictures))
    yield Altered("as they are", pictures, order)
    yield from (blurred(pictures, width) for width in BLURS[images])
    yield from (noisy(pictures, width) for width in NOISES[images])
    if images == "faces":
        for shift in HUES:
            turned = torch.cat([adjust_hue(x, shift) for x in to_float(pictures).split(500)])
            yield Altered(f"hue shifted by {shift:.0%}".replace("%", " %"), to_uint8(turned), order)


def rows(images: str, pictures: Tensor) -> Iterator[dict[str, object]]:
    """Yield a row per alteration: kappa of each feature's labels with those before, and the share that is far."""
    (name,), judge = Registry().get("datasets", DATASETS[images]).extractors, judged(images).classifier
    extractor, _ = observers.load_extractor(Registry(), name, name)
    known = checkpoint.read(manifest.path_of(f"{DATASETS[images]}-{name}-statistics")).tensors["embeddings"].numpy()
    cuts = np.array([judge.cuts[feature] for feature in FEATURES[images]])
    truth = None
    for each in alterations(images, pictures):
        labels = np.concatenate([judge.scores(x, FEATURES[images]) for x in each.images.split(250)]) >= cuts
        truth = labels if truth is None else truth
        seen = torch.cat([extractor.outputs(to_float(x))[0] for x in each.images.split(250)]).numpy()
        agreed = {f: kappa(truth[:, i], labels[:, i]) for i, f in enumerate(FEATURES[images])}
        yield {
            "images": images,
            "n": len(seen),
            "alteration": each.name,
            **{f"kappa_{i}": None if found is None else found[0] for i, found in enumerate(agreed.values(), 1)},
            "far": float(far(seen, known).mean()),
            "extractor": name,
        }


@click.command()
@click.option("--images", type=click.Choice(list(DATASETS)), default="faces", show_default=True)
@click.option("--count", type=click.IntRange(100), default=500, show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path), envvar="BENCH_DATA")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the rows to this CSV file.")
def main(images: str, count: int, data_dir: Path | None, out: Path | None) -> None:
    """Judge altered pictures, and measure how far they are from what the judge learnt from."""
    if images == "faces":
        pictures = altered_faces.render("synthfaces/test", np.arange(count))
    else:
        test = Registry().get("datasets", "mnist")(data_dir).split("test")
        pictures = test.read(altered_digits.shuffled(len(test))[:count])
    found = []
    for row in rows(images, pictures):
        found.append(row)
        click.echo("  ".join(f"{x:.3g}" if isinstance(x, float) else str(x) for x in row.values()))
    if out is not None:
        pd.DataFrame(found).to_csv(out, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
