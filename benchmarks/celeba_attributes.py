"""How far the people of synthfaces are from CelebA's: rates and correlations of the attributes that both have.

Run: ``python benchmarks/celeba_attributes.py --data-dir DATA --out results/reference/celeba-attributes.csv`` (half a
minute). DATA/celeba/list_attr_celeba.txt must be the published table, whole. The result holds counts' ratios alone: a
rate per attribute, a correlation per pair, and for facial hair the share of those with one attribute that have another.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import md5
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from bench.core.files import write_bytes
from bench.datasets._celeba.tables import read_attributes
from bench.datasets.synthfaces.causes import attributes, sample
from bench.datasets.synthfaces.draws import Draws

MD5 = "75e246fa4810816ffd6ee81facbd244c"  # of the published table, as torchvision's CelebA checks it
FACES = 50_000  # of synthfaces' training split
FACIAL_HAIR = ("Male", "No_Beard", "Goatee", "Mustache", "Sideburns")
REMEDY = "Download list_attr_celeba.txt from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html."


def official(data_dir: Path) -> pd.DataFrame:
    """Return the published attributes: bool, a row per photograph; raises UsageError for any other table."""
    file = data_dir / "celeba" / "list_attr_celeba.txt"
    if not file.is_file():
        raise click.UsageError(f"{file}: no such file. {REMEDY}")
    found = md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    if found != MD5:
        raise click.UsageError(f"{file}: md5 {found}, expected {MD5}: part of the table, or another one. {REMEDY}")
    return read_attributes(file, [], REMEDY)


def compared(celeba: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Return a row per rate, correlation and conditional share, in both."""
    names = sorted(set(celeba.columns) & set(ours.columns))
    pair = [frame[names].astype(np.float64) for frame in (celeba, ours)]
    rows = [*_rates(names, pair), *_correlations(names, pair), *_shares(pair)]
    return pd.DataFrame(rows).assign(celeba_n=len(celeba), synthfaces_n=len(ours))


def _rates(names: list[str], pair: list[pd.DataFrame]) -> Iterator[dict[str, Any]]:
    for name in names:
        yield _row("rate", name, "", *(float(frame[name].mean()) for frame in pair))


def _correlations(names: list[str], pair: list[pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """Yield Pearson's correlation of every pair, which for two binary attributes is phi."""
    matrices = [frame.corr() for frame in pair]
    for first, second in combinations(names, 2):
        yield _row("correlation", first, second, *(float(matrix.loc[first, second]) for matrix in matrices))


def _shares(pair: list[pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """Yield, among those that have ``given``, the share that have the attribute."""
    for attribute, given in permutations(FACIAL_HAIR, 2):
        shares = [float(frame[attribute][frame[given] == 1].mean()) for frame in pair]
        yield _row("share", attribute, given, *shares)


def _row(kind: str, attribute: str, other: str, celeba: float, synthfaces: float) -> dict[str, Any]:
    return {"kind": kind, "attribute": attribute, "other": other, "celeba": celeba, "synthfaces": synthfaces}


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), required=True, help="Folder of CelebA (celeba/*.txt).")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
def main(data_dir: Path, out: Path) -> None:
    """Compare the attributes of synthfaces with CelebA's."""
    ours = attributes(sample(Draws("synthfaces/train", range(FACES))))
    table = compared(official(data_dir), ours)
    write_bytes(out, table.to_csv(index=False, float_format="%.4f").encode())
    rates = table[table.kind == "rate"]
    click.echo(rates.to_string(index=False, float_format=lambda x: f"{x:.3f}"))


if __name__ == "__main__":
    main()
