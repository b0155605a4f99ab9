"""Do the intervals of distances hold what they say? A generator and its student draw their samples many times anew.

Run: ``python benchmarks/interval_coverage.py --out results/reference/interval-coverage.csv`` (minutes on one core).
``ours`` unlearns thick strokes from the shipped VAE. Per metric: the mean half width of its 95 % intervals, 1.96 times
the standard deviation of the numbers over all draws, and the share of intervals that hold the mean of all draws. That
mean has the bias of this number of samples, which an interval does not cover.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

import bench
from bench.api import Columns, Value
from bench.authoring.conformance.toys import toy_columns
from bench.core.files import write_bytes
from bench.evaluation.references import references
from bench.registry import Registry
from bench.toolkit.intervals import Z95

MODEL, DATASET, FEATURE, EXTRACTOR, SHOWN = "vae-mnist", "mnist", "thickness", "digits", 500
METRICS = ("fidelity", "kid")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
@click.option("--count", "counts", type=click.IntRange(100), multiple=True, default=(2000, 10_000), show_default=True)
@click.option("--draws", type=click.IntRange(10), default=50, show_default=True)
def main(out: Path, counts: tuple[int, ...], draws: int) -> None:
    """Write a row per number of samples and metric."""
    torch.set_num_threads(1)
    rows = []
    for count in counts:
        found = pd.DataFrame(row for columns in columns_of(count, draws) for row in rows_of(columns))
        rows += [_summary(name, of, count) for name, of in found.groupby("metric", sort=False)]
    click.echo(pd.DataFrame(rows).to_string(index=False))
    write_bytes(out, pd.DataFrame(rows).to_csv(index=False, float_format="%.6g").encode())


def columns_of(count: int, draws: int) -> Iterator[Columns]:
    """Yield what metrics read, for each draw."""
    workspace = bench.open_workspace()
    original = bench.load(MODEL, workspace=workspace)
    labels, _ = bench.ask_oracle(
        bench.sample(original, SHOWN, stream="feedback/0"), FEATURE, DATASET, workspace=workspace
    )
    student = bench.unlearn(original, bench.make_feedback(labels, stream="feedback/0"), "ours", workspace=workspace)
    extractor, reference = (
        workspace.extractor(EXTRACTOR)[0],
        references(workspace, DATASET, [EXTRACTOR], FEATURE)[EXTRACTOR],
    )
    for draw in range(draws):
        seen = []
        for generator in (original, student):
            images = torch.from_numpy(bench.sample(generator, count, stream=f"coverage/{draw}"))
            pairs = [extractor.outputs(part) for part in images.split(500)]
            seen.append([torch.cat(parts).numpy() for parts in zip(*pairs, strict=True)])
        (before, before_logits), (after, after_logits) = seen
        yield Columns(
            **{
                **vars(toy_columns(perfect=True)),  # these metrics read no other column
                "embeddings": after,
                "original_embeddings": before,
                "logits": after_logits,
                "original_logits": before_logits,
                "reference": reference.whole,
                "reference_retain": reference.retain,
                "reference_embeddings": reference.embeddings,
            }
        )


def rows_of(columns: Columns) -> Iterator[dict[str, object]]:
    """Yield every number of one draw, with its interval."""
    for metric in METRICS:
        found: dict[str, Value] = Registry().get("metrics", metric)().compute(columns)
        for name, value in found.items():
            yield {"metric": f"{name}[{EXTRACTOR}]", "value": value.value, "low": value.low, "high": value.high}


def _summary(name: object, of: pd.DataFrame, count: int) -> dict[str, object]:
    mean = of.value.mean()
    return {
        "metric": name,
        "n": count,
        "draws": len(of),
        "mean": mean,
        "half_width": ((of.high - of.low) / 2).mean(),
        "half_width_of_draws": Z95 * of.value.std(ddof=1),
        "coverage": float(np.mean((of.low <= mean) & (mean <= of.high))),
    }


if __name__ == "__main__":
    main()
