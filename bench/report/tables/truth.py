"""The distance from the true image without the feature, inside and outside, each with that of the true images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bench.report.tables.entry import Entry
from bench.report.tables.row import Row
from bench.workspace.store.record import Record
from bench.workspace.workspace import Workspace

if TYPE_CHECKING:
    from bench.evaluation.removers import Floor

SUM = "counterfactual_error"  # mostly drift outside: never a headline
INSIDE, OUTSIDE = f"{SUM}_inside", f"{SUM}_outside"


def truth_line(record: Record, workspace: Workspace) -> str | None:
    """Say how far a record's samples are from the truth, in two parts; None if that was not measured."""
    inside, outside = record.value(INSIDE), record.value(OUTSIDE)
    dataset = record.provenance.settings.dataset
    if inside is None or outside is None:
        return None
    floor = _floor(workspace, dataset, record.feature)
    parts = zip(("inside", "outside"), (inside, outside), _parts(floor), strict=True)
    said = ", ".join(f"{where} the feature's place {value:.4f}{known}" for where, value, known in parts)
    return f"distance from the true image without the feature: {said}"


def floors(rows: Iterable[Row], entries: Iterable[Entry]) -> str:
    """Return the distances of the true images themselves, for a caption; "" if the table has no such distance."""
    shown = {row.feature for row in rows if row.metric in (SUM, INSIDE, OUTSIDE) and row.mean is not None}
    known: dict[str, Floor] = {}
    for entry in entries:
        cell, resolved = entry.done.planned.cell, entry.done.resolved
        if cell.feature in shown - known.keys() and resolved is not None:
            if (floor := _floor(resolved.workspace, cell.settings.dataset, cell.feature)) is not None:
                known[cell.feature] = floor
    said = "; ".join(f"{name}: {it.inside:.4f} inside, {it.outside:.4f} outside" for name, it in known.items())
    return f"{SUM} of the true images themselves: {said}." if said else ""


def _parts(floor: Floor | None) -> tuple[str, str]:
    if floor is None:
        return "", ""
    return f" (the truth itself: {floor.inside:.4f})", f" (the truth itself: {floor.outside:.4f})"


def _floor(workspace: Workspace, dataset: str, feature: str) -> Floor | None:
    from bench.evaluation.removers import floor_of  # imports torch

    return floor_of(workspace, dataset, feature)
