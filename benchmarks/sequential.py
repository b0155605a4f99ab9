"""Two features unlearned one after the other: does the first come back, and what does FID cost?

Run: ``python benchmarks/sequential.py --results results/sequential --out results/reference/vae/sequential.csv`` (VAE,
``ours``, both orders; a few minutes). It runs ``bench run --sequential``. A row per order, seed and number says after
which request it was measured (0: the first original).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd

FEATURES = ("thickness", "slant")
FID = "fid[digits]"


def run(order: tuple[str, ...], seed: int, results: Path) -> list[dict[str, Any]]:
    """Return the records of a sequential run: one of ``ours`` per request, then ``stored`` ones of every feature."""
    bench = str(Path(sys.executable).with_name("bench"))
    command = [bench, *"run --method ours --model vae --sequential --json".split()]
    command += ["--feature", ",".join(order), "--seed", str(seed), "--results", str(results)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def numbers(order: tuple[str, ...], records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what is known after each request: target ratios by the first original's cuts, and FID."""
    first, second = (record for record in records if record["method"] == "ours")
    stored = {record["feature"]: record for record in records if record["method"] == "stored"}
    a, b = order
    places = [
        (0, a, "target_ratio", stored[a], "original_target_ratio"),
        (0, b, "target_ratio", stored[b], "original_target_ratio"),
        (1, a, "target_ratio", first, "target_ratio"),
        (1, b, "target_ratio", second, "original_target_ratio"),
        (2, a, "target_ratio", stored[a], "target_ratio"),
        (2, b, "target_ratio", stored[b], "target_ratio"),
        (1, "", FID, first, FID),
        (2, "", FID, stored[b], FID),
    ]
    for after, feature, metric, record, name in places:
        found = record["metrics"][name]
        row = {"order": ", ".join(order), "seed": record["seed"], "after": after, "feature": feature, "metric": metric}
        yield row | {key: found[key] for key in ("value", "low", "high", "n", "source")}


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--results", type=click.Path(path_type=Path), required=True, help="Folder of the cells.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
def main(seeds: int, results: Path, out: Path) -> None:
    """Write the numbers of both orders."""
    rows = [
        row
        for order in (FEATURES, FEATURES[::-1])
        for seed in range(seeds)
        for row in numbers(order, run(order, seed, results))
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).assign(data="MNIST (real)").to_csv(out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
