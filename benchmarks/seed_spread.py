"""How much a method's outcome depends on which samples were clicked: its spread over seeds, with intervals.

Run: ``python benchmarks/seed_spread.py RESULTS --method surrogate --out SPREAD.csv`` on a folder of results that holds
several seeds of each variant of the method; the commands are in ``docs/results/selection.md``. It prints and stores a
row per model, feature and variant (the parameters that are not the default's and differ between cells).

    spread      s.d. / mean of target_ratio over the seeds
    low, high   95 % interval of the spread: percentiles of 10,000 bootstrap samples of the seeds
    counting    1 / sqrt(n mean): the spread that n judged samples would show if every seed left the same share
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import bench
from bench.registry import Registry

DRAWS = 10_000


def spread_of(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return s.d. / mean of values (seeds,) and its bootstrap interval; NaN where nothing is left at all."""
    drawn = values[np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))]
    means = drawn.mean(1)
    ratios = drawn[means > 0].std(1, ddof=1) / means[means > 0]
    if len(ratios) == 0:
        return float("nan"), float("nan"), float("nan")
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(values.std(ddof=1) / values.mean()), float(low), float(high)


def variants(cells: pd.DataFrame, defaults: dict[str, Any]) -> pd.Series[str]:
    """Return each cell's parameters that are neither the default's nor those of all cells of its model."""
    found = pd.Series("", index=cells.index)
    for column in cells.filter(like="params."):
        name = column.removeprefix("params.")
        default = _written(defaults.get(name))
        values = cells[column].map(_written, na_action="ignore").fillna(default)  # stored before the option was there
        told = (values.groupby(cells["model"]).transform("nunique") > 1) & (values != default)
        found[told] += f", {name}=" + values[told]
    return found.str.removeprefix(", ")


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def spreads(cells: pd.DataFrame) -> pd.DataFrame:
    """Return a row per model, feature and variant of cells with the columns of ``bench.results`` and ``variant``."""
    found = []
    for (model, feature, label), seeds in cells.groupby(["model", "feature", "variant"]):
        left = seeds["target_ratio"].to_numpy()
        spread, low, high = spread_of(left)
        samples = seeds["n"].min()
        found.append(
            {
                "model": model,
                "feature": feature,
                "variant": label,
                "seeds": len(seeds),
                "n": int(samples),
                "target_ratio": left.mean(),
                "sd": left.std(ddof=1),
                "spread": spread,
                "low": low,
                "high": high,
                "counting": (samples * left.mean()) ** -0.5 if left.any() else float("nan"),
                "worst": left.max(),
                "retain_change": seeds["retain_change"].mean(),
                "retain_change_sd": seeds["retain_change"].std(ddof=1),
            }
        )
    return pd.DataFrame(found)


@click.command()
@click.argument("results", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--method", default="surrogate", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Also write the rows to this CSV file.")
def main(results: Path, method: str, out: Path | None) -> None:
    """Write how much each variant of a method spreads over the seeds."""
    cells, tidy = bench.results(results), bench.results(results, tidy=True)
    cells = cells[(cells["method"] == method) & (cells["status"] == "ok")]
    counts = tidy[tidy["metric"] == "target_ratio"].set_index("cell")["n"]
    defaults = Registry().get("methods", method).Config().model_dump()
    rows = spreads(cells.assign(n=cells["cell"].map(counts), variant=variants(cells, defaults)))
    click.echo(rows.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    if out is not None:
        rows.to_csv(out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
