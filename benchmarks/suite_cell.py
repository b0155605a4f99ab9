"""Load the generator, the oracles and the extractor of a suite's cells, for the scripts on photographs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Split, chunks
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.trained_here import untrained
from bench.experiments.planning import grid
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace

READ = 500  # photographs read at once


@dataclass(frozen=True)
class Asked:
    """The options of every script."""

    suite: str
    model: str
    overrides: tuple[str, ...]
    results: Path
    data_dir: Path | None
    out: Path | None

    def opened(self, weights: str | None = None) -> tuple[Workspace, Cell]:
        """Return a workspace and a cell of the suite; what it names was trained by ``bench run``, or is given."""
        workspace = Workspace(Registry(), Store(self.results), torch.device("cpu"), self.data_dir)
        request = grid.Request(["original"], [self.model], suite=self.suite, overrides=self.overrides, weights=weights)
        return workspace, grid.cells(request, workspace)[0]

    def tell(self, rows: pd.DataFrame) -> None:
        """Print rows, and write them to ``--out``."""
        click.echo(rows.to_string(index=False, float_format=lambda x: f"{x:.4f}"))
        if self.out is not None:
            rows.to_csv(self.out, index=False, float_format="%.4f")


def places(script: Callable[..., None]) -> Callable[..., None]:
    """Add --suite, --model, --set, --results, --data-dir and --out; the script gets them as ``Asked``."""

    @wraps(script)
    def command(**given: Any) -> None:
        torch.set_num_threads(1)
        asked = Asked(**{each.name: given.pop(each.name) for each in fields(Asked)})
        script(asked, **given)

    path = click.Path(path_type=Path)
    for option in (
        click.option("--out", type=path, default=None, help="Also write the rows to this CSV file."),
        click.option("--data-dir", type=path, envvar="BENCH_DATA", help="Folder of data sets."),
        click.option("--results", type=path, default=Path("results/runs"), show_default=True),
        click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As bench run's: other weights."),
        click.option("--model", default="proggan", show_default=True),
        click.option("--suite", default="celeba", show_default=True),
    ):
        command = option(command)
    return command


def require_trained(workspace: Workspace, cell: Cell, suite: str, *kinds: str) -> None:
    """Raise UsageError, with the command that trains them, unless weights of these kinds are there."""
    missing = [each.weights for each in untrained(cell.place, workspace) if each.recipe.kind in kinds]
    if missing:
        raise click.UsageError(
            f"{', '.join(missing)}: not trained yet. Train them with: bench run --suite {suite} --method original "
            f"--model {cell.model} --feature {cell.feature}; or name others with --set or --weights"
        )


def pictures(split: Split, indices: NDArray[np.int64]) -> Tensor:
    """Read images of a split, (N, C, H, W) uint8."""
    return torch.cat([split.read(indices[start:stop]) for start, stop in chunks(len(indices), READ)])
