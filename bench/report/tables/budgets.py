"""The rows of table ``budget``: retraining for several shares of what training the original took."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.recipes import configured, recipe_of
from bench.experiments.planning import grid
from bench.report.tables.definitions import RETRAIN, Options, Variant
from bench.workspace import manifest
from bench.workspace.workspace import Workspace

NEAR = 0.05  # a share this near to what table 2 has is not trained once more
SHARES = (0.02, 0.05, 0.1, 0.18, 0.4, 1.0)  # 18 % is the paper's: 96,000 of pytorch_GAN_zoo's 528,000 steps


def budgets(options: Options, workspace: Workspace) -> list[Variant]:
    """Return ``retrain`` at every share of the pre-training, for each model that was asked for.

    Raises
    ------
    UsageError
        If a model's weights do not say how long they were trained, nor does the suite.
    """
    request = grid.Request(
        methods=[RETRAIN.method],
        models=options.models,
        features=options.features,
        suite=options.suite,
        overrides=options.overrides,
    )
    firsts: dict[str, Cell] = {}
    for cell in grid.cells(request, workspace):
        firsts.setdefault(cell.model, cell)
    return [_variant(cell, share, _passes(cell, workspace)) for cell in firsts.values() for share in SHARES]


def passes_of(made: Mapping[str, Any]) -> float | None:
    """Return the passes over the training images behind weights, with those that they resumed from; None if unsaid."""
    own, before = made.get("config", {}).get("epochs"), made.get("start")
    if not isinstance(own, (int, float)):
        return None
    if not isinstance(before, Mapping):
        return float(own)
    earlier = passes_of(before)
    return None if earlier is None else round(earlier + own, 6)


def _passes(cell: Cell, workspace: Workspace) -> float:
    here = cell.weights in manifest.entries() or Path(cell.weights).exists()
    if here:
        found = passes_of(workspace.original(cell.model, cell.weights).description)
    else:  # trained first, by this recipe
        found = passes_of({"config": configured(workspace, recipe_of(cell.model, cell.settings))[1].model_dump()})
    if found is None:
        raise UsageError(
            f"table budget: {cell.weights} do not say how many passes over the training images made them. Run retrain "
            "with your own budgets: bench table 2 --method 'retrain -p epochs=1//5//20'"
        )
    return found


def _variant(cell: Cell, share: float, passes: float) -> Variant:
    epochs, usual = float(f"{share * passes:.3g}"), float(cell.params.model_dump()["epochs"])
    if abs(epochs / usual - 1) <= NEAR:
        epochs = usual
    return Variant(
        f"retrain, {share:.0%}".replace("%", " %"),
        RETRAIN.method,
        {"epochs": epochs},
        model=cell.model,
        about=f"{epochs:g} of {passes:g} passes over the training images",
    )
