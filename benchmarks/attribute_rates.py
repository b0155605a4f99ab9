"""How often each attribute is seen in a generator's samples, next to how often it is seen in its data.

Run: ``python benchmarks/attribute_rates.py --out results/reference/attribute-rates.csv`` (a minute for a generator on
one core). The judge of the suite ``lite`` looks at both. The two features are left out, and ``No_Beard``, which is one
of them: 34 attributes remain. A rate agrees with the data's if it is within a quarter of it or within two points.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from measures import Eye, of_extractor
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, Extractor, Generator
from bench.api.noise import noise_chunks
from bench.core.rendering import chunks, to_uint8
from bench.registry import Registry
from bench.toolkit import estimates
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, loading, observers

DATASET, JUDGE, EXTRACTOR = "synthfaces", ("mobilenet", "mobilenet-synthfaces-b"), "faces"
LEFT_OUT = ("bang", "beard", "No_Beard")
SHARE, POINTS = 0.25, 0.02


def agrees(rate: float, data: float) -> bool:
    """Say whether a rate is within a quarter of the data's, or within two points."""
    return abs(rate - data) <= max(SHARE * data, POINTS)


def judge() -> Classifier:
    return observers.load_observer(Registry(), "classifiers", *JUDGE).classifier


@torch.no_grad()
def samples(generator: Generator, stream: str, count: int) -> Tensor:
    """Draw (count, C, H, W) uint8 images."""
    return torch.cat(
        [to_uint8(generator(noise))[:kept].cpu() for noise, kept in noise_chunks(generator, stream, count)]
    )


def rates(classifier: Classifier, images: Tensor, left_out: Collection[str] = LEFT_OUT) -> dict[str, float]:
    """Return the share of (N, C, H, W) uint8 images in which each attribute is seen."""
    names = [name for name in classifier.attributes if name in classifier.cuts and name not in left_out]
    scores = np.concatenate([classifier.scores(images[start:stop], names) for start, stop in chunks(len(images))])
    return {name: float((scores[:, i] >= classifier.cuts[name]).mean()) for i, name in enumerate(names)}


def distance(images: Tensor, device: torch.device | str = "cpu") -> estimates.Estimate:
    """Return the Frechet distance of (N, C, H, W) uint8 images from the training images of synthfaces."""
    extractor, sha256 = observers.load_extractor(Registry(), EXTRACTOR, EXTRACTOR)
    for module in extractor.networks.modules().values() if extractor.networks is not None else ():
        module.to(device)
    path = manifest.path_of(f"{DATASET}-{EXTRACTOR}-statistics")
    reference = loading.statistics_in(checkpoint.read(path), path, sha256)["all"]
    return estimates.frechet(embedded(extractor, images, device), reference)


@torch.no_grad()
def embedded(extractor: Extractor, images: Tensor, device: torch.device | str = "cpu") -> NDArray[np.floating]:
    """Return the embeddings (N, D) of (N, C, H, W) uint8 images, from an extractor on a device."""
    found: NDArray[np.floating] = Eye(of_extractor(lambda given: extractor.outputs(given.to(device))))(images.cpu())[0]
    return found


def rows_of(name: str, found: dict[str, float], data: dict[str, float], count: int) -> Iterator[dict[str, object]]:
    for attribute, rate in found.items():
        true = data[attribute]
        yield {"weights": name, "n": count, "attribute": attribute, "rate": rate, "data": true} | {
            "agrees": "yes" if agrees(rate, true) else "no"
        }


@click.command()
@click.option(
    "--weights", "names", multiple=True, default=("vdvae-synthfaces", "proggan-synthfaces"), show_default=True
)
@click.option("--count", type=click.IntRange(100), default=10_000, show_default=True, help="Samples, and test images.")
@click.option("--stream", default="evaluation", show_default=True, help="Random stream of the samples' noise.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the table to this CSV file.")
def main(names: tuple[str, ...], count: int, stream: str, out: Path | None) -> None:
    """Compare attribute rates of generators with those of the test images."""
    torch.set_num_threads(1)
    looking, split = judge(), Registry().get("datasets", DATASET)(None).split("test")
    data = rates(looking, split.read(np.arange(min(count, len(split)))))
    rows: list[dict[str, object]] = []
    for name in names:
        images = samples(loading.load_original(Registry(), name).generator, stream, count)
        made = list(rows_of(name, rates(looking, images), data, count))
        rows += made
        fid, agreed = distance(images), sum(row["agrees"] == "yes" for row in made)
        click.echo(f"{name}: {agreed} of {len(made)} rates agree; fid[faces] {fid.value:.2f} +- {fid.half_width:.2f}")
        for row in made:
            click.echo(f"  {row['attribute']:20} {row['rate']:.3f}  data {row['data']:.3f}  {row['agrees']}")
    if out is not None:
        pd.DataFrame(rows).to_csv(out, index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
