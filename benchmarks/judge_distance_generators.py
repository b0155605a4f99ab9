"""How far generated digits are from those that the judge knows, and whether two readers of thickness agree on them.

Run: ``python benchmarks/judge_distance_generators.py --data-dir DATA``. It draws samples of the shipped generators and
reads test digits of MNIST, and prints and stores a row for each: ``oracle_far`` of the pictures, and Cohen's kappa of
the labels of two readers. One is the judge, the mean thickness over the strokes' medial axis. The other one divides the
area of the ink by the length of that axis. Each reader calls the thickest tenth of the pictures thick.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import altered_digits
import click
import numpy as np
import pandas as pd
import torch
from metric_sensitivity import DATASETS
from numpy.typing import NDArray
from torch import Tensor

import bench
from bench.api import chunks, to_float, to_uint8
from bench.registry import Registry
from bench.toolkit.intervals import kappa, wilson
from bench.toolkit.nearest import far
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, observers

GENERATORS = ("vae-mnist", "dcgan-mnist")
THICK = 0.9  # quantile from which a picture counts as thick


def thick(images: Tensor) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which images (N, 1, H, W) uint8 two readers call thick: the judge, and ink divided by length."""
    area, length, judge = (
        Registry().get("classifiers", "morpho_mnist")().scores(images, ["area", "length", "thickness"]).T
    )
    other = np.divide(area, length, out=np.zeros_like(area), where=length > 0)
    first, second = (score >= np.quantile(score, THICK) for score in (judge, other))
    return first, second


def row(name: str, images: Tensor) -> dict[str, object]:
    """Return the row of pictures (N, 1, H, W) uint8."""
    (extractor_name,) = Registry().get("datasets", DATASETS["digits"]).extractors
    extractor, _ = observers.load_extractor(Registry(), extractor_name, extractor_name)
    path = manifest.path_of(f"{DATASETS['digits']}-{extractor_name}-statistics")
    known = checkpoint.read(path).tensors["embeddings"].numpy()
    seen = torch.cat([extractor.outputs(to_float(images[a:b]))[0] for a, b in chunks(len(images))]).numpy()
    strange = far(seen, known)
    low, high = wilson(int(strange.sum()), len(strange))
    agreed = kappa(*thick(images))
    assert agreed is not None
    found = {"images": name, "n": len(images), "far": float(strange.mean()), "far_low": low, "far_high": high}
    return found | dict(zip(("kappa", "kappa_low", "kappa_high"), agreed, strict=True)) | {"extractor": extractor_name}


def pictures(count: int, data_dir: Path | None) -> Iterator[tuple[str, Tensor]]:
    """Yield the test digits, then samples of each generator, and what they are called."""
    test = Registry().get("datasets", "mnist")(data_dir).split("test")
    yield "test digits", test.read(altered_digits.shuffled(len(test))[:count])
    for weights in GENERATORS:
        drawn = bench.sample(bench.load(weights), count, stream="evaluation")
        yield weights.partition("-")[0], to_uint8(torch.from_numpy(drawn))


@click.command()
@click.option("--count", type=click.IntRange(100), default=2000, show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path), envvar="BENCH_DATA")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the rows to this CSV file.")
def main(count: int, data_dir: Path | None, out: Path | None) -> None:
    """Measure how far samples are from what the judge knows, and how well two readers of thickness agree."""
    found = []
    for name, images in pictures(count, data_dir):
        found.append(row(name, images))
        click.echo("  ".join(f"{x:.3g}" if isinstance(x, float) else str(x) for x in found[-1].values()))
    if out is not None:
        pd.DataFrame(found).to_csv(out, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
