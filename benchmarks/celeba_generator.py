"""Whether a generator of photographs draws attributes as often as they occur, and whether it copies photographs.

Run, after ``bench run --suite celeba`` has trained it: ``python benchmarks/celeba_generator.py --data-dir DATA``.

- ``rate`` rows: the share of samples in which the judge sees an attribute, then the share of photographs, by the
  judge and by the table; and whether the judge's two shares agree (``attribute_rates.agrees``).
- ``nearest`` rows: how far each of 16 samples (the first of the stream ``evaluation``) is from the nearest training
  photograph or its mirror image, by the extractor's embedding and by pixels (root mean square, of 0 to 1). Then the
  share of photographs that have another photograph nearer than that. A generator that had learnt photographs by heart
  would draw samples with distances near 0 and shares near 0. No picture is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import click
import numpy as np
import pandas as pd
from attribute_rates import agrees, embedded, rates, samples
from numpy.typing import NDArray
from suite_cell import Asked, pictures, places, require_trained
from torch import Tensor

from bench.api import chunks, to_float

SHOWN = 16  # samples whose nearest photograph is looked for
OTHERS = 400  # photographs whose nearest other photograph is looked for
Rows = NDArray[np.floating]


def flat(images: Tensor) -> Rows:
    """Return images (N, C, H, W) uint8 as rows whose Euclidean distance is the root mean square over pixels."""
    return (to_float(images).flatten(1) / images[0].numel() ** 0.5).numpy()


def nearest(rows: Rows, known: Rows, own: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """Return the distance (N,) of each row to the nearest of ``known``; ``own``: of each the place to leave out."""
    best = np.full(len(rows), np.inf)
    squares = (rows.astype(np.float64) ** 2).sum(1)
    for start, stop in chunks(len(known), 1024):
        block = known[start:stop]
        apart = squares[:, None] + (block.astype(np.float64) ** 2).sum(1) - 2.0 * (rows @ block.T)
        if own is not None:
            inside = (own >= start) & (own < stop)
            apart[np.flatnonzero(inside), own[inside] - start] = np.inf
        best = np.minimum(best, apart.min(1))
    found: NDArray[np.float64] = np.sqrt(np.maximum(best, 0.0))
    return found


def copied(space: str, samples: tuple[Rows, Rows], photographs: tuple[Rows, Rows]) -> Iterator[dict[str, object]]:
    """Yield a row per sample; of each pair, the second are the mirror images, which are left out for photographs."""
    plain, mirrored = photographs
    places = np.arange(0, len(plain), max(1, len(plain) // OTHERS))
    usual = np.minimum(nearest(plain[places], plain, places), nearest(plain[places], mirrored, places))
    for number, distance in enumerate(nearest(samples[0], np.concatenate(photographs))):
        share = float((usual < distance).mean())
        yield {"kind": "nearest", "what": f"{space}, sample {number}", "samples": float(distance), "photographs": share}


def rate_rows(seen: dict[str, float], judged: dict[str, float], table: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield a row per attribute and feature: samples, photographs by the judge, photographs by the table."""
    for name, rate in seen.items():
        true = float(table[name].mean()) if name in table else None
        yield {
            "kind": "rate",
            "what": name,
            "samples": rate,
            "photographs": judged[name],
            "table": true,
            "agrees": agrees(rate, judged[name]),
        }


@click.command()
@places
@click.option("--weights", default=None, help="Weights of the generator; those that bench run trained by default.")
@click.option("--count", type=click.IntRange(SHOWN), default=10_000, show_default=True, help="Samples.")
def main(asked: Asked, weights: str | None, count: int) -> None:
    """Compare a generator's samples with the photographs that it learnt from."""
    workspace, cell = asked.opened(weights)
    require_trained(workspace, cell, asked.suite, "classifiers", "extractors", "models")
    dataset, settings = workspace.dataset(cell.settings.dataset), cell.settings
    judge = workspace.oracles(settings.dataset, settings.oracle, cell.feature)["evaluation"].classifier
    (extractor_name, *_) = settings.evaluation.extractors or ()
    extractor = workspace.extractor(extractor_name)[0]
    drawn = samples(workspace.original(asked.model, cell.weights).generator, "evaluation", count)
    split = dataset.split(dataset.training_split)
    photographs = pictures(split, np.arange(len(split)))
    table = split.attributes.assign(**{each: dataset.has_feature(split.attributes, each) for each in dataset.features})
    found = [*rate_rows(rates(judge, drawn, ()), rates(judge, photographs, ()), table)]
    for space, of in ((extractor_name, partial(embedded, extractor)), ("pixels", flat)):
        pair = [tuple(of(each) for each in (images, images.flip(3))) for images in (drawn[:SHOWN], photographs)]
        found += copied(space, *pair)
    rows = pd.DataFrame(found).assign(n=count, data=dataset.label)
    asked.tell(rows)


if __name__ == "__main__":
    main()
