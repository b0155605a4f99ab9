"""Choose each method's recipe among several trials: one rule and the same number of trials for all.

Run: ``python benchmarks/select_methods.py TABLE.csv ... --out CHOICE.csv`` on the CSV files of ``bench table 2``, whose
rows are methods with parameters (``uno, lr=0.0003, weight=100.0``) and which hold the metrics ``target_ratio``,
``original_target_ratio`` and ``retain_change``. The commands are in ``docs/results/selection.md``. It prints and stores
a row per model and method.

The rule, for each model and method. Of the trials that leave at most a twentieth of each feature, the one with the
smallest damage is taken, as the geometric mean of ``retain_change`` over the features. Where none does, the one is
taken whose worst feature keeps least, and the row says so. A trial that lacks a feature, because a cell failed, counts
as a trial and is never taken. ``select_reading.py`` asks for a tenth in the mean over features: a method that erases
one feature and keeps half of the other would pass there.
"""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd
from select_reading import cells_of, chosen

TWENTIETH = 0.05


def recipes(cells: pd.DataFrame) -> pd.DataFrame:
    """Return a row per model and method, with its chosen parameters and what they leave and change.

    Parameters
    ----------
    cells : DataFrame
        Of ``cells_of``; variants are named ``METHOD, NAME=VALUE, NAME=VALUE``.
    """
    cells = cells.assign(method=cells["variant"].str.partition(", ")[0])
    found = []
    for (model, method), trials in cells[cells["method"] != "original"].groupby(["model", "method"], sort=False):
        rows = chosen(trials)
        removing = rows[rows["worst"] <= TWENTIETH]
        taken = (rows.sort_values(["worst", "damage"]) if removing.empty else removing.sort_values("damage")).iloc[0]
        found.append(
            {
                "model": model,
                "method": method,
                "params": taken["reading"].partition(", ")[2],
                **{name: taken[name] for name in ("left", "worst", "damage", "cells")},
                "removes": not removing.empty,
                "trials": trials["variant"].nunique(),
            }
        )
    return pd.DataFrame(found)


@click.command()
@click.argument("tables", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the rows to this CSV file.")
def main(tables: tuple[Path, ...], out: Path | None) -> None:
    """Choose a recipe for each method and model."""
    rows = recipes(cells_of(pd.concat([pd.read_csv(path) for path in tables])))
    click.echo(rows.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    if out is not None:
        rows.to_csv(out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
