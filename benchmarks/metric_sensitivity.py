"""What each distance sees: real pictures, altered in a known way, against other real pictures.

Run: ``python benchmarks/metric_sensitivity.py --images faces --count 2000``. It prints and stores a row per alteration
and metric: the value with half of its 95 % interval, and by how much it differs from the value of the unaltered
pictures, with half of the (paired) interval of that difference. ``seen`` is ``yes`` if the difference exceeds the
value's own half interval, ``paired`` if it only exceeds the interval of the difference, and ``no`` otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import altered_digits
import altered_faces
import click
import numpy as np
import pandas as pd
import torch
from altered import Altered
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Extractor, Split, Statistics, to_float
from bench.registry import Registry
from bench.toolkit import estimates
from bench.toolkit.estimates import Estimate
from bench.toolkit.frechet import statistics_of
from bench.workspace import observers

DATASETS = {"faces": "synthfaces", "digits": "mnist"}
BATCH = 250
Look = Callable[[Tensor], tuple[Tensor, Tensor]]


class Eye:
    """An extractor, and a memory of what it has seen: most pictures of an altered set are the original's."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.seen: dict[bytes, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def __call__(self, images: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Map images (N, C, H, W) uint8 to embeddings (N, D) and logits (N, K)."""
        names = [sha256(image.numpy().tobytes()).digest() for image in images]
        new = {name: i for i, name in enumerate(names) if name not in self.seen}
        for batch in torch.tensor(list(new.values()), dtype=torch.long).split(BATCH):
            found = zip(*(part.cpu().numpy() for part in self.look(to_float(images[batch]))), strict=True)
            self.seen |= zip([names[i] for i in batch.tolist()], found, strict=True)
        embeddings, logits = zip(*(self.seen[name] for name in names), strict=True)
        return np.stack(embeddings), np.stack(logits)


class Measures:
    """Every metric of one extractor, against reference embeddings (M, D)."""

    def __init__(self, name: str, look: Look, reference: Tensor) -> None:
        self.name, self.eye = name, Eye(look)
        embeddings = self.eye(reference)[0]
        self.dimensions = effective_dimensions(embeddings)
        self.statistics: Statistics = statistics_of(embeddings, "real pictures")
        self.kernel = estimates.kernel_reference(embeddings)

    def __call__(self, pictures: Altered) -> dict[str, Estimate]:
        embeddings, logits = self.eye(pictures.images)
        return {
            f"fid[{self.name}]": estimates.frechet(embeddings, self.statistics, pictures.sources),
            f"kid[{self.name}]": estimates.kernel_distance(embeddings, self.kernel, pictures.sources),
            f"inception_score[{self.name}]": estimates.inception_score(logits, pictures.sources),
        }


def effective_dimensions(embeddings: NDArray[np.float32]) -> float:
    """Return the participation ratio of the covariance's eigenvalues: D if all are equal, 1 if all but one are 0."""
    values = np.linalg.eigvalsh(np.cov(embeddings.T.astype(np.float64)))
    return float(values.sum() ** 2 / np.square(values).sum())


def rows_of(measures: Iterable[Measures], sets: Iterable[Altered]) -> Iterator[dict[str, object]]:
    """Yield a row per alteration and metric; the first set is the one that the others are compared with."""
    before: dict[str, Estimate] = {}
    for pictures in sets:
        found = {name: value for measure in measures for name, value in measure(pictures).items()}
        before = before or found
        for name, now in found.items():
            change = now.value - before[name].value
            paired = estimates.half_width_of_difference(now, before[name])
            seen = "yes" if abs(change) > now.half_width else "paired" if abs(change) > paired else "no"
            yield {
                "n": len(pictures.images),
                "alteration": pictures.name,
                "metric": name,
                "value": now.value,
                "half_width": now.half_width,
                "change": change,
                "change_half_width": paired,
                "seen": seen,
            }


def look_of(name: str, weights: str | None) -> Look:
    registry = Registry()
    if registry.get("extractors", name).identity() is None:
        extractor: Extractor = observers.load_extractor(registry, name, weights or name)[0]
        return extractor.outputs
    return registry.get("extractors", name)().outputs  # type: ignore[no-any-return]


def order_of(images: str, count: int) -> NDArray[np.int64]:
    return np.arange(count) if images == "faces" else altered_digits.shuffled(count)


def sets_of(images: str, split: Split, stream: str, count: int) -> Iterator[Altered]:
    if images == "faces":
        return altered_faces.alterations(stream, count)
    return altered_digits.alterations(split, count)


@click.command()
@click.option("--images", type=click.Choice(list(DATASETS)), default="faces", show_default=True)
@click.option("--count", type=click.IntRange(400), multiple=True, default=(2000,), show_default=True)
@click.option("--extractor", "names", multiple=True, help="NAME or NAME=WEIGHTS [default: that of the data set].")
@click.option("--reference", type=click.IntRange(1000), default=10_000, show_default=True, help="Training images.")
@click.option("--stream", default="synthfaces/test", show_default=True, help="Where the faces are drawn from.")
@click.option("--data-dir", type=click.Path(path_type=Path), envvar="BENCH_DATA")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the table to this CSV file.")
def main(
    images: str,
    count: tuple[int, ...],
    names: tuple[str, ...],
    reference: int,
    stream: str,
    data_dir: Path | None,
    out: Path | None,
) -> None:
    """Measure pictures that were altered in a known way."""
    dataset = Registry().get("datasets", DATASETS[images])(data_dir)
    train = dataset.split("train")
    real = train.read(order_of(images, len(train))[:reference])
    measures = []
    for given in names or dataset.extractors:
        name, _, weights = given.partition("=")
        measures.append(Measures(given if weights else name, look_of(name, weights or None), real))
        click.echo(f"{given}: {measures[-1].dimensions:.1f} effective dimensions")
    rows = []
    for n in count:
        for row in rows_of(measures, sets_of(images, dataset.split("test"), stream, n)):
            rows.append(row)
            click.echo("  ".join(f"{x:.4g}" if isinstance(x, float) else str(x) for x in row.values()))
    if out is not None:
        pd.DataFrame(rows).to_csv(out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
