"""How good a suite's two oracles are on photographs that they did not learn from, and whether their cut is right.

Run, after ``bench run --suite celeba`` has trained them: ``python benchmarks/celeba_oracles.py --data-dir DATA``.

A row per copy, feature and split says how many photographs have the feature by the table and by the oracle, the
oracle's balanced accuracy, and how far it agrees with the other copy (Cohen's kappa). On ``train``, from which both
copies learnt, this is what one makes of the other's training photographs. The last row of a copy and feature has the
cut that makes the rate on ``valid`` right, and what that gives on ``test``: to be taken where the rate at the cut 0
is off by two points. A split without photographs has no row.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from suite_cell import Asked, pictures, places, require_trained

from bench.api import Dataset
from bench.experiments.cells.cell import Cell
from bench.toolkit.intervals import kappa
from bench.workspace.workspace import Workspace

SPLITS = ("valid", "test", "train")
ROLES = {"a": "feedback", "b": "evaluation"}  # who clicks, who judges
Scores = dict[str, NDArray[np.float64]]  # by split, (N, features)
Truth = dict[str, NDArray[np.bool_]]


def balanced(labels: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return the mean of both recalls; NaN where one class is absent."""
    if truth.all() or not truth.any():
        return float("nan")
    return float((labels[truth].mean() + (~labels[~truth]).mean()) / 2)


def calibrated(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the cut from which on as many scores (N,) lie as photographs have the feature: half-way between two."""
    ordered = np.sort(scores)[::-1]
    count = int(truth.sum())
    if count in (0, len(scores)):
        return float("nan")
    return float((ordered[count - 1] + ordered[count]) / 2)


def scored(workspace: Workspace, cell: Cell, dataset: Dataset, count: int) -> tuple[dict[str, Scores], Truth]:
    """Return each copy's scores and the truth, by split, of at most ``count`` photographs of each."""
    features = dataset.features
    oracles = workspace.oracles(cell.settings.dataset, cell.settings.oracle, features[0])
    found: dict[str, Scores] = {copy: {} for copy in ROLES}
    truth: Truth = {}
    for name in SPLITS:
        split = dataset.split(name)
        if len(split) == 0:
            continue
        indices = np.arange(min(count, len(split)))
        images, table = pictures(split, indices), split.attributes.iloc[indices]
        truth[name] = np.stack([np.asarray(dataset.has_feature(table, each)) for each in features], axis=1)
        for copy, role in ROLES.items():
            found[copy][name] = oracles[role].classifier.scores(images, features)
    return found, truth


def rows(found: dict[str, Scores], truth: Truth, features: tuple[str, ...]) -> Iterator[dict[str, object]]:
    """Yield a row per copy, feature and split at the cut 0, then one at the calibrated cut."""
    for copy, other in (("a", "b"), ("b", "a")):
        for place, feature in enumerate(features):
            for name in truth:
                labels, others = found[copy][name][:, place] >= 0, found[other][name][:, place] >= 0
                agreed = kappa(labels, others)
                yield _row(copy, feature, name, 0.0, labels, truth[name][:, place]) | {
                    "kappa_with_other": float("nan") if agreed is None else agreed[0]
                }
            if not {"valid", "test"} <= truth.keys():
                continue
            cut = calibrated(found[copy]["valid"][:, place], truth["valid"][:, place])
            labels = found[copy]["test"][:, place] >= cut
            yield _row(copy, feature, "test", cut, labels, truth["test"][:, place])


def _row(
    copy: str, feature: str, split: str, cut: float, labels: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> dict[str, object]:
    return {
        "copy": copy,
        "feature": feature,
        "split": split,
        "n": len(truth),
        "cut": cut,
        "rate": float(truth.mean()),
        "rate_said": float(labels.mean()),
        "balanced_accuracy": balanced(labels, truth),
    }


@click.command()
@places
@click.option("--count", type=click.IntRange(2), default=1000, show_default=True, help="Photographs of each split.")
def main(asked: Asked, count: int) -> None:
    """Measure the two oracles of a suite on photographs."""
    workspace, cell = asked.opened()
    require_trained(workspace, cell, asked.suite, "classifiers")
    dataset = workspace.dataset(cell.settings.dataset)
    table = pd.DataFrame(rows(*scored(workspace, cell, dataset, count), dataset.features)).assign(data=dataset.label)
    asked.tell(table)


if __name__ == "__main__":
    main()
