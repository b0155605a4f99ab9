"""The points behind the plots, from records and from what was stored of their samples."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report.page.cells import StoredCell
from bench.workspace.settings.values import assignments
from bench.workspace.store.store import Store

MOST_ATTRIBUTES, MOST_VARIANTS = 10, 6  # of the plot of attribute shifts
FEWEST = 3  # values of a parameter that make a curve
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """One cell in a plot: where it stands, with an interval if it has one, and its record."""

    x: float
    y: float
    cell: StoredCell
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Curve:
    """Points of one name."""

    name: str
    points: Sequence[Point]


def damage_metric(cells: Sequence[StoredCell]) -> str | None:
    """Return the damage axis of the trade-off: a Frechet distance that all cells have, else ``retain_change``."""
    names = [name for name in cells[0].record.metrics if re.fullmatch(r"fid\[.+\]", name)] if cells else []
    return next((n for n in (*sorted(names), "retain_change") if all(n in c.record.metrics for c in cells)), None)


def tradeoff(cells: Sequence[StoredCell], ratio: str, damage: str) -> list[Curve]:
    """Return by variant a point for each seed: its damage, and the share that still has the feature."""
    return [
        Curve(name, [_point(cell, cell.record.metrics[damage].value, ratio) for cell in members if _has(cell, ratio)])
        for name, members in by_variant(cells).items()
    ]


def against(cells: Sequence[StoredCell], ratio: str, what: str) -> list[Curve]:
    """Return curves along which one thing differs: ``alpha``, or the number of ``clicks`` (samples shown).

    Cells of other weights are another curve; of other files of clicks too, except along the number of clicks.
    """
    groups: dict[Any, list[StoredCell]] = {}
    for cell in cells:
        if _has(cell, ratio) and _value(cell, what) is not None:
            rest = {name: value for name, value in cell.record.told_apart_by.items() if name != what}
            groups.setdefault((_name(cell, what), repr(sorted(rest.items()))), []).append(cell)
    curves = []
    for (name, _), members in groups.items():
        points = [_point(cell, float(_value(cell, what) or 0), ratio) for cell in members]
        if len({point.x for point in points}) >= FEWEST:
            curves.append(Curve(name, sorted(points, key=lambda point: (point.x, point.cell.record.seed))))
    return curves


def _name(cell: StoredCell, what: str) -> str:
    """Name a curve along ``what``: the method, and what its cells began with where others began with something else."""
    given = {"feedback": "files"} if what == "clicks" and "feedback" in cell.inputs else {}
    named = " ".join(assignments({**cell.inputs, **given}))
    return f"{cell.record.method}, {named}" if named else cell.record.method


def shifts(cells: Sequence[StoredCell]) -> tuple[list[str], list[Curve]]:
    """Return the attributes that moved most in any variant, and by variant how far each moved (the first seed)."""
    prefix = "attribute_shift["
    groups = [members[0] for members in by_variant(cells).values() if members[0].record.method != "original"]
    firsts = {cell.variant: cell for cell in groups[:MOST_VARIANTS]}
    known: dict[str, float] = {}
    for cell in firsts.values():
        for name, measurement in cell.record.metrics.items():
            if name.startswith(prefix):
                known[name] = max(known.get(name, 0.0), abs(measurement.value))
    chosen = sorted(known, key=lambda name: -known[name])[:MOST_ATTRIBUTES]
    curves = []
    for variant, cell in firsts.items():
        found = [(place, cell.record.metrics[name]) for place, name in enumerate(chosen) if name in cell.record.metrics]
        curves.append(Curve(variant, [Point(each.value, place, cell, each.low, each.high) for place, each in found]))
    return [name.removeprefix(prefix).removesuffix("]") for name in chosen], [c for c in curves if c.points]


def roc(cell: StoredCell) -> tuple[Array, Array] | None:
    """Return the ROC curve of a cell's identifier against the judge, of the samples that are still stored."""
    from sklearn.metrics import roc_curve

    stages, oracle = cell.record.stages, cell.record.provenance.oracle
    if "columns" not in stages or oracle is None or not _has(cell, "original_target_ratio"):
        return None
    store = Store(cell.folder.parent)
    paths = [store.stage(name, stages[name]) / "columns.npz" for name in ("columns", "original")]
    scores, before = (_column(path, name) for path, name in zip(paths, ("identifier_scores", "scores"), strict=True))
    if scores is None or before is None:
        return None
    labels = _labels(before[: len(scores)], oracle.evaluation.threshold, cell.record.metrics)
    if labels is None or labels.all() or not labels.any() or not np.isfinite(scores).all():
        return None
    false, true, _ = roc_curve(labels, scores)
    return false, true


def _column(path: Path, name: str) -> Array | None:
    """Return a column of what was stored; None if it is not there, damaged, or not ours to read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return stored[name] if name in stored else None
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):  # np.load has one for each damage
        return None


def _labels(scores: Array, threshold: float, metrics: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """Return which samples have the feature.

    Identified by the share of positives, which must equal the record's original_target_ratio.
    """
    share = metrics["original_target_ratio"].value
    alike = [column for column in (scores >= threshold).T if abs(column.mean() - share) < 0.5 / len(scores)]
    return alike[0] if len(alike) == 1 else None


def by_variant(cells: Sequence[StoredCell]) -> dict[str, list[StoredCell]]:
    """Return cells by their variant, in their order."""
    found: dict[str, list[StoredCell]] = {}
    for cell in cells:
        found.setdefault(cell.variant, []).append(cell)
    return found


def _value(cell: StoredCell, what: str) -> float | None:
    if what == "clicks":
        clicks = cell.record.provenance.feedback
        return None if clicks is None else clicks.count
    value = cell.record.params.get(what)
    return float(value) if isinstance(value, (int, float)) else None


def _has(cell: StoredCell, metric: str) -> bool:
    return metric in cell.record.metrics


def _point(cell: StoredCell, x: float, metric: str) -> Point:
    found = cell.record.metrics[metric]
    return Point(x, found.value, cell, found.low, found.high)
