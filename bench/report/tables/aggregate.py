"""The rows behind a table: one per number, aggregated over seeds, with the published value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

from bench.report.comparing.paired import over_seeds
from bench.report.tables.definitions import Table, Variant
from bench.report.tables.entry import Entry
from bench.report.tables.moved import COLUMN, moved_attributes
from bench.report.tables.published import Published
from bench.report.tables.row import Row
from bench.report.tables.value_names import TIMINGS, ValueNames
from bench.workspace.store.record import Measurement, Record
from bench.workspace.workspace import Workspace


def tidy_rows(
    table: Table, entries: Sequence[Entry], workspace: Workspace, published: Published, names: ValueNames
) -> list[Row]:
    """Aggregate stored records over seeds into one row per number.

    A table with the column ``attribute_shift`` has rows too for the share of each attribute that moved (``moved.py``).
    """
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((*entry.place, entry.variant.label), []).append(entry)
    shares = moved_attributes(entries) if COLUMN in table.metrics else {}
    rows = []
    for members in groups.values():
        columns = [metric for each in table.metrics for metric in _expanded(each, members, names)]
        rows += [_row(table, metric, members, workspace, published, names) for metric in columns]
        more = [metric for metric in shares.get(members[0].place, ()) if metric not in columns]
        alone = [_row(table, metric, members, workspace, published, names) for metric in more]
        rows += [replace(row, column=False) for row in alone]
    return rows


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
    measured = {
        entry.seed: measurement
        for entry in members
        if entry.result is not None and (measurement := _measured(entry.result, metric)) is not None
    }
    results = {entry.seed: entry.result for entry in members if entry.result is not None}
    numbers = over_runs(measured, results)
    return Row(
        table=table.name,
        model=model,
        feature=feature,
        variant=first.variant.label,
        method=first.variant.method,
        needs=needs_of(first.variant, workspace),
        metric=metric,
        about=first.variant.about,
        note=_note(metric, members, len(measured), numbers["seeds"], names),
        paper=published.value(table.name, model, feature, first.variant, metric),
        data=workspace.dataset(first.done.planned.cell.settings.dataset).label,
        **numbers,
    )


def over_runs(measured: Mapping[int, Measurement], records: Mapping[int, Record]) -> dict[str, Any]:
    """Return the fields of a ``Row`` that aggregate a number over seeds, given by seed with the seed's record.

    Of several seeds with the same unlearning, the first that has the number counts: repeats tell nothing of its spread.
    """
    firsts: dict[str, int] = {}
    for seed in measured:
        firsts.setdefault(records[seed].provenance.stages.unlearn, seed)
    found = {seed: measured[seed] for seed in firsts.values()}
    values, counts = [each.value for each in found.values()], [each.n for each in found.values()]
    one = next(iter(found.values()), None)
    samples, seeds = _over_samples(list(found.values())), over_seeds(values)
    return {
        "mean": fmean(values) if values else None,
        "sd": stdev(values) if len(values) > 1 else None,
        "seeds": len(values),
        "n": min(counts, default=None),
        "n_most": max(counts, default=None),
        "higher_is_better": one.higher_is_better if one else None,
        "source": one.source if one else "",
        "low": samples[0] if samples else None,
        "high": samples[1] if samples else None,
        "covers": one.covers if one and samples else "",
        "seeds_low": seeds[0] if seeds else None,
        "seeds_high": seeds[1] if seeds else None,
        "by_seed": {seed: each.value for seed, each in found.items()},
    }


def _over_samples(found: Sequence[Measurement]) -> tuple[float, float] | None:
    """Return the mean of the seeds' intervals over samples, which is at least as wide as that of the seeds' mean."""
    lows, highs = ([getattr(each, bound) for each in found] for bound in ("low", "high"))
    if not found or None in (*lows, *highs):
        return None
    return fmean(lows), fmean(highs)


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


def _note(metric: str, members: Sequence[Entry], found: int, runs: int, names: ValueNames) -> str:
    """Say why there is no number, or that it is of fewer seeds, or of fewer runs, than the caption says."""
    if found == 0:
        return _why_missing(metric, members, names)
    if found < len(members):
        return f"{found} of {len(members)} seeds"
    return "" if runs == found else f"{runs} {'run' if runs == 1 else 'runs'} for all seeds"


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
