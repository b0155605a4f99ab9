"""What the scripts on photographs measure: the generator, the oracles and the extractor that a suite's cells use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Split, chunks
from bench.experiments import grid
from bench.experiments.cell import Cell
from bench.experiments.trained_here import untrained
from bench.registry import Registry
from bench.workspace.store import Store
from bench.workspace.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])
READ = 500  # photographs read at once


def places(command: F) -> F:
    """Add --suite, --model, --set, --results, --data-dir and --out."""
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


def opened(
    suite: str, model: str, overrides: Sequence[str], results: Path, data_dir: Path | None, weights: str | None = None
) -> tuple[Workspace, Cell]:
    """Return a workspace and a cell of the suite; what it names was trained by ``bench run``, or is given."""
    workspace = Workspace(Registry(), Store(results), torch.device("cpu"), data_dir)
    asked = grid.Request(["original"], [model], suite=suite, overrides=overrides, weights=weights)
    return workspace, grid.cells(asked, workspace)[0]


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
