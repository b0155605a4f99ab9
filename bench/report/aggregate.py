"""The rows behind a table: one per number, aggregated over seeds, with the published value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bench.report.definitions import Table, Variant
from bench.report.entry import Entry
from bench.report.published import Published
from bench.report.row import Row
from bench.report.value_names import TIMINGS, ValueNames
from bench.workspace.record import Measurement, Record
from bench.workspace.workspace import Workspace


def tidy_rows(
    table: Table, entries: Sequence[Entry], workspace: Workspace, published: Published, names: ValueNames
) -> list[Row]:
    """Aggregate stored records over seeds into one row per number."""
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((*entry.place, entry.variant.label), []).append(entry)
    return [
        _row(table, metric, members, workspace, published, names)
        for members in groups.values()
        for each in table.metrics
        for metric in _expanded(each, members, names)
    ]


def needs_of(variant: Variant, workspace: Workspace) -> str:
    """Return what a variant's method needs beyond clicks."""
    return " ".join(sorted(workspace.registry.get("methods", variant.method, "--method").needs))


def _row(
    table: Table,
    metric: str,
    members: Sequence[Entry],
    workspace: Workspace,
    published: Published,
    names: ValueNames,
) -> Row:
    first = members[0]
    model, feature = first.place
    found = {
        entry.seed: measurement
        for entry in members
        if entry.result is not None and (measurement := _measured(entry.result, metric)) is not None
    }
    values = [measurement.value for measurement in found.values()]
    one = next(iter(found.values()), None)
    alike = one is not None and all(value == one.value for value in values)
    return Row(
        table=table.name,
        model=model,
        feature=feature,
        variant=first.variant.label,
        method=first.variant.method,
        needs=needs_of(first.variant, workspace),
        metric=metric,
        about=first.variant.about,
        mean=float(np.mean(values)) if values else None,
        sd=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        seeds=len(values),
        n=one.n if one else None,
        higher_is_better=one.higher_is_better if one else None,
        note=_note(metric, members, len(values), names),
        paper=published.value(table.name, model, feature, first.variant, metric),
        data=workspace.dataset(first.done.planned.cell.settings.dataset).label,
        source=one.source if one else "",
        low=one.low if one and alike else None,
        high=one.high if one and alike else None,
        by_seed={seed: measurement.value for seed, measurement in found.items()},
    )


def _measured(record: Record, metric: str) -> Measurement | None:
    """Return a record's metric, or what its unlearning stage took, in the form of a metric."""
    if metric not in TIMINGS:
        return record.metrics.get(metric)
    machine = record.provenance.machine
    source = f"unlearning stage on {machine.device}, {machine.threads} threads"
    value = getattr(record.timings["unlearn"], metric)
    return Measurement(value=value, n=1, higher_is_better=False, source=source, metric="")


def _expanded(metric: str, members: Sequence[Entry], names: ValueNames) -> list[str]:
    """Return a metric's names in records: per extractor, one for each."""
    extractors = members[0].done.planned.cell.settings.evaluation.extractors or ()
    each = [f"{metric}[{x}]" for x in extractors]
    found = [entry.result.metrics for entry in members if entry.result is not None]
    if metric in names.per_extractor or any(name in metrics for metrics in found for name in each):
        return each
    return [metric]


def _note(metric: str, members: Sequence[Entry], found: int, names: ValueNames) -> str:
    """Say why there is no number, or that it is of fewer seeds than the caption says."""
    if found == 0:
        return _why_missing(metric, members, names)
    return "" if found == len(members) else f"{found} of {len(members)} seeds"


def _why_missing(metric: str, members: Sequence[Entry], names: ValueNames) -> str:
    entry, owner = members[0], names.owners.get(metric.partition("[")[0], "")
    without = [each for each in members if each.result is None]
    if without:
        return without[0].done.why
    resolved, record = entry.done.resolved, entry.result
    assert resolved is not None and record is not None
    skipped = {name.partition("[")[0]: reason for name, reason in record.skipped_metrics.items()}
    if owner in skipped:
        return skipped[owner]
    if owner in resolved.metric_keys and record.lacking({owner: resolved.metric_keys[owner]}):
        return "not computed yet"
    asked = resolved.cell.settings.evaluation.metrics
    return "left out by evaluation.metrics" if asked is not None and owner not in asked else "not measured"


def group_firsts(entries: Sequence[Entry]) -> Mapping[tuple[str, str], Entry]:
    """Return the first entry of each model and feature."""
    firsts: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        firsts.setdefault(entry.place, entry)
    return firsts
