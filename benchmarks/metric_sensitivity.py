"""What each distance sees: real pictures, altered in a known way, against other real pictures.

Run: ``python benchmarks/metric_sensitivity.py --images faces --count 2000``. It prints and stores a row per alteration
and metric: the value with half of its 95 % interval, and by how much it differs from the value of the unaltered
pictures, with half of the (paired) interval of that difference. ``seen`` is ``yes`` if the difference exceeds both
half intervals, ``paired`` if it only exceeds the interval of the difference, and ``no`` otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import altered_digits
import altered_faces
import click
import numpy as np
import pandas as pd
from altered import Altered
from measures import Embedded, Eye, Found, Judged, of_extractor
from numpy.typing import NDArray

from bench.api import Dataset, Split
from bench.registry import Registry
from bench.toolkit import estimates
from bench.toolkit.frechet import statistics_of
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, loading, observers

DATASETS = {"faces": "synthfaces", "digits": "mnist"}
JUDGES = {"faces": ("mobilenet", "mobilenet-synthfaces-b"), "digits": ("morpho_mnist", None)}
SHOWN = {"faces": ("bang", "beard", "Smiling", "Eyeglasses", "Male"), "digits": ("thickness", "slant")}
RETAINED = {"faces": "bang", "digits": "thickness"}  # the feature of ``fid_retain`` and ``fid_counterfactual``
TRAINING = 10_000  # training images that extractors without shipped statistics are compared with


def effective_dimensions(embeddings: NDArray[np.float32]) -> float:
    """Return the participation ratio of the covariance's eigenvalues: D if all are equal, 1 if all but one are 0."""
    values = np.linalg.eigvalsh(np.cov(embeddings.T.astype(np.float64)))
    return float(values.sum() ** 2 / np.square(values).sum())


def rows_of(measures: Iterable[Callable[[Altered], Found]], sets: Iterable[Altered]) -> Iterator[dict[str, object]]:
    """Yield a row per alteration and metric; the first set is the one that the others are compared with."""
    before: Found = {}
    for pictures in sets:
        found = {name: value for measure in measures for name, value in measure(pictures).items()}
        before = before or found
        for name, now in found.items():
            change, paired = now.value - before[name].value, estimates.half_width_of_difference(now, before[name])
            seen = "yes" if abs(change) > max(now.half_width, paired) else "paired" if abs(change) > paired else "no"
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


def embedded(name: str, weights: str | None, dataset: Dataset, named: str, feature: str) -> Embedded:
    """Return an extractor, and what its distances are from: what is shipped, else training images."""
    registry, known = Registry(), f"{named}-{name}-statistics"
    if registry.get("extractors", name).identity() is None:
        extractor, sha = observers.load_extractor(registry, name, weights or name)
    else:
        extractor, sha = registry.get("extractors", name)(), ""
    eye = Eye(of_extractor(extractor.outputs))
    if known in manifest.entries() and weights is None:
        path = manifest.path_of(known)
        stored = checkpoint.read(path)
        moments = loading.statistics_in(stored, path, sha)
        subsets = {"fid": "all", "fid_retain": f"without {feature}", "fid_counterfactual": f"{feature} redrawn"}
        references = {metric: moments[subset] for metric, subset in subsets.items()}
        return Embedded(name, eye, references, estimates.kernel_reference(stored.tensors["embeddings"].numpy()))
    train = dataset.split("train")
    seen = Eye(eye.look)(train.read(np.linspace(0, len(train) - 1, TRAINING).astype(np.int64)))[0]
    reference = {"fid": statistics_of(seen, "training images")}
    return Embedded(f"{name}={weights}" if weights else name, eye, reference, estimates.kernel_reference(seen))


def judged(images: str) -> Judged:
    name, weights = JUDGES[images]
    return Judged(observers.load_observer(Registry(), "classifiers", name, weights).classifier, SHOWN[images])


def sets_of(images: str, split: Split, stream: str, count: int) -> Iterator[Altered]:
    if images == "faces":
        return altered_faces.alterations(stream, count)
    return altered_digits.alterations(split, count)


@click.command()
@click.option("--images", type=click.Choice(list(DATASETS)), default="faces", show_default=True)
@click.option("--count", type=click.IntRange(400), multiple=True, default=(2000,), show_default=True)
@click.option("--extractor", "names", multiple=True, help="NAME or NAME=WEIGHTS [default: that of the data set].")
@click.option("--judge/--no-judge", default=True, show_default=True, help="Also what the judging oracle sees.")
@click.option("--stream", default="synthfaces/test", show_default=True, help="Where the faces are drawn from.")
@click.option("--data-dir", type=click.Path(path_type=Path), envvar="BENCH_DATA")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the table to this CSV file.")
def main(
    images: str,
    count: tuple[int, ...],
    names: tuple[str, ...],
    judge: bool,
    stream: str,
    data_dir: Path | None,
    out: Path | None,
) -> None:
    """Measure pictures that were altered in a known way."""
    named = DATASETS[images]
    dataset = Registry().get("datasets", named)(data_dir)
    extractors = [
        embedded(name, weights or None, dataset, named, RETAINED[images])
        for name, _, weights in (given.partition("=") for given in names or dataset.extractors)
    ]
    for each in extractors:
        click.echo(f"{each.name}: {effective_dimensions(each.kernel.embeddings):.1f} effective dimensions")
    rows = []
    for n in count:
        measures = [*extractors, *([judged(images)] if judge else [])]
        for row in rows_of(measures, sets_of(images, dataset.split("test"), stream, n)):
            rows.append(row)
            click.echo("  ".join(f"{x:.4g}" if isinstance(x, float) else str(x) for x in row.values()))
        if out is not None:
            pd.DataFrame(rows).to_csv(out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
