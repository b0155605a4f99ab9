"""The rows of table ``damage``: every family of variants at every operating point (``equal_damage.py``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from bench.report.comparing.curves import Spot, measured
from bench.report.comparing.equal_damage import Comparison, compare
from bench.report.comparing.operating import OPERATING, Default
from bench.report.comparing.paired import COVERS
from bench.report.comparing.verdicts import caveat_of, verdict_of
from bench.report.tables.aggregate import needs_of
from bench.report.tables.definitions import Table
from bench.report.tables.entry import Entry
from bench.report.tables.row import Row
from bench.workspace.workspace import Workspace


@dataclass
class _Place:
    """The curves of one model and feature, by family and seed, and what the first family does at its default."""

    entries: dict[str, Entry] = field(default_factory=dict)  # the first of each family
    curves: dict[str, dict[int, list[Spot]]] = field(default_factory=dict)
    defaults: dict[int, Default] = field(default_factory=dict)
    runs: dict[str, set[str]] = field(default_factory=dict)  # by variant, the unlearnings that count
    repeats: dict[str, set[int]] = field(default_factory=dict)  # by family, the seeds that repeat one of these

    def repeated(self, entry: Entry) -> bool:
        """Say whether a seed repeats an unlearning: a method that reads no clicks has fewer runs than seeds."""
        assert entry.result is not None
        runs, made = self.runs.setdefault(entry.variant.label, set()), entry.result.provenance.stages.unlearn
        if made in runs:
            self.repeats.setdefault(entry.variant.family, set()).add(entry.seed)
            return True
        runs.add(made)
        return False


def damage_rows(table: Table, entries: Sequence[Entry], workspace: Workspace) -> list[Row]:
    """Compare families of variants at equal damage and removal; one that cannot be has the reason as its verdict."""
    places: dict[tuple[str, str], _Place] = {}
    for entry in entries:
        place = places.setdefault(entry.place, _Place())
        place.entries.setdefault(entry.variant.family, entry)
        if (default := _default(entry)) is not None and not place.repeated(entry):
            place.curves.setdefault(entry.variant.family, {}).setdefault(entry.seed, []).append(default.spot)
            if entry.variant is table.variants[0]:
                place.defaults[entry.seed] = default
    return [row for place in places.values() for at in OPERATING for row in _rows(table, place, at, workspace)]


def _default(entry: Entry) -> Default | None:
    if entry.result is None:
        return None
    ratio, change = (entry.result.metrics.get(name) for name in ("target_ratio", "retain_change"))
    if ratio is None or change is None:
        return None
    return Default(measured(ratio.value, ratio.n, change.value), ratio.n, entry.result.value("original_target_ratio"))


def _rows(table: Table, place: _Place, at: str, workspace: Workspace) -> Iterator[Row]:
    base = table.variants[0].family
    for family, entry in place.entries.items():
        curves, first = place.curves.get(family), place.curves.get(base, {})
        found = compare(curves, first, place.defaults, OPERATING[at]) if curves else None
        if found is not None and found.reads:
            repeats = place.repeats.get(family, set()) | place.repeats.get(base, set())
            yield from _numbers(table, entry, at, found, workspace, reference=family == base, repeats=len(repeats))
        else:
            why = _why(entry, found, "" if family == base else f"'{base}'")
            yield _row(table, entry, at, "verdict", workspace, seeds=0, higher_is_better=None, note=why)


def _why(entry: Entry, found: Comparison | None, base: str) -> str:
    """Say why a family has no number at an operating point."""
    if found is None:
        return entry.done.why if entry.result is None else "neither target_ratio nor retain_change, or one alone"
    if found.left_out:
        return (
            f"its curve{f', or that of {base},' if base else ''} does not reach this on any seed (of {found.left_out})"
        )
    return f"no seed of which {base} has a result at its default"


def _numbers(
    table: Table, entry: Entry, at: str, found: Comparison, workspace: Workspace, *, reference: bool, repeats: int
) -> Iterator[Row]:
    seeds, factor = len(found.reads), found.factor
    same = found.axis == "damage"  # where the damage is held equal, the ratios vary
    left = f"not reached on {found.left_out} further seed{'s' * (found.left_out > 1)}" if found.left_out else ""
    again = (
        f"{repeats} further seed{'s' * (repeats > 1)} repeat{'s' * (repeats == 1)} one of these runs" if repeats else ""
    )
    numbers: dict[str, dict[str, object]] = {
        "target_ratio": {"mean": fmean(found.ratios), "sd": _deviation(found.ratios) if same else None},
        "retain_change": {"mean": fmean(found.damages), "sd": None if same else _deviation(found.damages)},
        "ratio": {
            "mean": factor.mean,
            "low": factor.low,
            "high": factor.high,
            "covers": "" if math.isnan(factor.low) else COVERS,
            "note": caveat_of(found),
        },
        "read_elsewhere": {
            "mean": found.moved,
            "note": "; ".join(filter(None, (left, again))),
            "higher_is_better": None,
        },
        "verdict": {"mean": factor.visible, "note": verdict_of(found), "higher_is_better": None},
    }
    if reference:
        numbers["ratio"] = {"mean": 1.0}
        numbers["verdict"] = {"note": "the others are compared with this", "higher_is_better": None}
    n = found.reads[0][0]
    for metric in table.metrics:
        given = {name: None if value != value else value for name, value in numbers[metric].items()}
        yield _row(table, entry, at, metric, workspace, seeds=seeds, n=n, **given)


def _deviation(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else math.nan


def _row(table: Table, entry: Entry, at: str, metric: str, workspace: Workspace, **numbers: object) -> Row:
    cell, resolved = entry.done.planned.cell, entry.done.resolved
    dataset = workspace.dataset(cell.settings.dataset)
    judge = resolved.judgement.label if resolved else "no cell"
    return Row(
        table=table.name,
        model=cell.model,
        feature=cell.feature,
        at=at,
        variant=entry.variant.family,
        method=entry.variant.method,
        needs=needs_of(entry.variant, workspace),
        metric=metric,
        data=dataset.label,
        source=f"{dataset.label}; {judge}; interpolated between cells",
        **{"higher_is_better": False, **numbers},  # type: ignore[arg-type]
    )
