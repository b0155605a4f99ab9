"""Choose the default reading of the paper's text: among those that remove the feature, the least damaging.

Run: ``python benchmarks/select_reading.py TABLE.csv ...`` on the CSV files of ``bench table readings``, which hold the
metrics ``target_ratio``, ``original_target_ratio`` and ``retain_change``. The commands are in
``docs/results/selection.md``. It prints and stores a row per reading, the chosen one first.

The rule. A reading removes the feature if it leaves at most a tenth of it, as the geometric mean over all cells (model
and feature) of target ratio divided by the original's; both count as (positives + 1/2) / (samples + 1). Of the readings
that do, the one with the smallest geometric mean of ``retain_change`` is chosen. A reading that lacks a cell which
others have is told and left out; with ``--common`` all are compared on the cells that all of them have.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pandas as pd

TENTH = 0.1
METRICS = ("target_ratio", "original_target_ratio", "retain_change")


def cells_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per reading, model and feature: what is left, as a share of the original's, and the damage."""
    known = rows[rows["metric"].isin(METRICS) & rows["mean"].notna()]
    wide = known.pivot_table(index=["variant", "model", "feature"], columns="metric", values="mean", sort=False)
    if missing := [name for name in METRICS if name not in wide]:
        raise click.UsageError(f"the tables hold no {', '.join(missing)}: make them with --metric {','.join(METRICS)}")
    counts = known[known["metric"] == "target_ratio"].set_index(["variant", "model", "feature"])
    wide = wide.join(counts[["n", "seeds"]]).dropna()
    now, before = ((wide[name] * wide["n"] + 0.5) / (wide["n"] + 1) for name in METRICS[:2])
    return pd.DataFrame({"left": now / before, "damage": wide["retain_change"], "seeds": wide["seeds"]}).reset_index()


def chosen(cells: pd.DataFrame, common: bool = False) -> pd.DataFrame:
    """Return a row per reading, the chosen one first: geometric means over cells, and what the rule says."""
    sizes = cells.groupby("variant", sort=False).size()
    if common:
        shared = cells.groupby(["model", "feature"])["variant"].transform("nunique") == len(sizes)
        cells, sizes = cells[shared], cells[shared].groupby("variant", sort=False).size()
    complete = cells[cells["variant"].isin(sizes[sizes == sizes.max()].index)]
    rows = complete.groupby("variant", sort=False).agg(
        left=("left", _geometric), damage=("damage", _geometric), worst=("left", "max"),
        cells=("left", "size"), seeds=("seeds", "min"),
    )  # fmt: skip
    rows["removes"] = rows["left"] <= TENTH
    rows = rows.sort_values(["removes", "damage"], ascending=[False, True]).reset_index()
    first = rows.index == 0
    rows["verdict"] = np.where(rows["removes"], np.where(first, "chosen", "more damage"), "leaves over a tenth")
    return rows.rename(columns={"variant": "reading"})


def _geometric(values: pd.Series[float]) -> float:
    return float(np.exp(np.log(values).mean()))


@click.command()
@click.argument("tables", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--common", is_flag=True, help="Compare on the models and features that every reading has.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the rows to this CSV file.")
def main(tables: tuple[Path, ...], common: bool, out: Path | None) -> None:
    """Choose among readings of the paper's text."""
    cells = cells_of(pd.concat([pd.read_csv(path) for path in tables]))
    rows = chosen(cells, common)
    if left_out := sorted(set(cells["variant"]) - set(rows["reading"])):
        click.echo(f"left out, because they lack cells: {'; '.join(left_out)}", err=True)
    click.echo(rows.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    if out is not None:
        rows.to_csv(out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
