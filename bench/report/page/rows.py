"""Typed rows from records, as tables have them: a mean over seeds with its interval, and the paper's value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bench.errors import BenchError
from bench.registry import Registry
from bench.report.page.cells import StoredCell
from bench.report.tables.aggregate import over_runs
from bench.report.tables.best import with_best
from bench.report.tables.definitions import Variant
from bench.report.tables.published import Published
from bench.report.tables.row import Row
from bench.toolkit.student import StudentParams
from bench.workspace.store.record import Measurement

SHOWN = (
    "target_ratio", "clicker_target_ratio", "learnt_target_ratio", "clicked_ratio", "roc_auc", "fid", "fid_change",
    "kid", "inception_score", "retain_change", "counterfactual_error", "attribute_shift", "seconds", "peak_memory_mb",
)  # fmt: skip
COST = {"seconds": "s of unlearning", "peak_memory_mb": "MB, peak of the process while unlearning"}
PAPER = {"roc_auc": "3"}  # the table of the paper that has a metric; table 2 has the others


def rows_of(cells: Sequence[StoredCell], published: Published, registry: Registry) -> list[Row]:
    """Return a row for each number of the page: every variant at every place, every metric that is shown."""
    groups: dict[tuple[str, ...], list[StoredCell]] = {}
    for cell in cells:
        groups.setdefault((*cell.place, cell.variant), []).append(cell)
    rows = [
        _row(members, metric, published)
        for members in groups.values()
        for metric in metrics_of([cell for cell in cells if cell.place == members[0].place])
    ]
    by_data: dict[str, list[Row]] = {}
    for row in rows:
        by_data.setdefault(row.data, []).append(row)
    return [row for of_data in by_data.values() for row in with_best(of_data, registry)]


def metrics_of(cells: Sequence[StoredCell]) -> list[str]:
    """Return the metrics that are shown of some cells, those with an extractor once for each."""
    known = {name for cell in cells for name in cell.record.metrics}
    found = []
    for wanted in SHOWN:
        if wanted in COST:
            found.append(wanted)
        found += sorted(name for name in known if name == wanted or re.fullmatch(rf"{wanted}\[.+\]", name))
    return [name for name in found if not name.startswith("attribute_shift[")]


def measured(cell: StoredCell, metric: str) -> Measurement | None:
    """Return a number of a cell; time and memory are the unlearning stage's."""
    if metric not in COST:
        return cell.record.metrics.get(metric)
    cost = cell.record.timings.get("unlearn")
    if cost is None:
        return None
    value = float(getattr(cost, metric))
    return Measurement(value=value, n=1, higher_is_better=False, source=COST[metric], metric="cost")


def _row(members: Sequence[StoredCell], metric: str, published: Published) -> Row:
    first = members[0].record
    by_seed = {cell.record.seed: each for cell in members if (each := measured(cell, metric)) is not None}
    return Row(
        table="report",
        model=first.model,
        feature=first.feature,
        variant=members[0].variant,
        method=first.method,
        needs=" ".join(first.needs),
        metric=metric,
        note="" if by_seed else first.skipped_metrics.get(metric.partition("[")[0], "not measured"),
        paper=_paper(members[0], metric, published),
        data=first.provenance.data,
        **over_runs(by_seed, {cell.record.seed: cell.record for cell in members}),
    )


def _paper(cell: StoredCell, metric: str, published: Published) -> float | None:
    """Return the paper's value for a cell whose method is read as the paper's, however long it trains."""
    record = cell.record
    params = {name: value for name, value in record.params.items() if name not in StudentParams.model_fields}
    try:
        known: Mapping[str, Any] = {n: v for n, v in params.items() if v is not None}
        variant = Variant(record.method, record.method, known)
        return published.value(PAPER.get(metric, "2"), record.model, record.feature, variant, metric)
    except (BenchError, ValueError):  # a method that is not here, or has other parameters now
        return None
