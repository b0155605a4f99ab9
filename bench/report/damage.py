"""The rows of table ``damage``: every family of variants at equal damage (``equal_damage.py``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.report.aggregate import needs_of
from bench.report.definitions import Table
from bench.report.entry import Entry
from bench.report.equal_damage import Comparison, Point, compare
from bench.report.row import Row
from bench.workspace.workspace import Workspace

SEEDS = "seeds: clicks and unlearning"  # what the interval of a difference covers


@dataclass
class _Place:
    """The curves of one model and feature, by family and seed, and what the first family does at its default."""

    entries: dict[str, Entry] = field(default_factory=dict)  # the first of each family
    curves: dict[str, dict[int, list[Point]]] = field(default_factory=dict)
    defaults: dict[int, Point] = field(default_factory=dict)


def damage_rows(table: Table, entries: Sequence[Entry], workspace: Workspace) -> list[Row]:
    """Compare families of variants at equal damage; a family without a result has the reason instead of numbers."""
    places: dict[tuple[str, str], _Place] = {}
    for entry in entries:
        place = places.setdefault(entry.place, _Place())
        place.entries.setdefault(entry.variant.family, entry)
        if (point := _point(entry)) is not None:
            place.curves.setdefault(entry.variant.family, {}).setdefault(entry.seed, []).append(point)
            if entry.variant is table.variants[0]:
                place.defaults[entry.seed] = point
    return [row for place in places.values() for row in _rows(table, place, workspace)]


def _point(entry: Entry) -> Point | None:
    if entry.result is None:
        return None
    ratio, change = (entry.result.metrics.get(name) for name in ("target_ratio", "retain_change"))
    return None if ratio is None or change is None else Point(ratio.value, ratio.n, change.value)


def _rows(table: Table, place: _Place, workspace: Workspace) -> Iterator[Row]:
    base = table.variants[0].family
    found = compare(place.curves, place.curves.get(base, {}), place.defaults)
    n = next((point.n for point in place.defaults.values()), None)
    for family, entry in place.entries.items():
        compared = found.get(family)
        if compared is not None and compared.seeds:
            yield from _numbers(table, entry, compared, n, workspace)
            continue
        why = entry.done.why if entry.result is None else "neither target_ratio nor retain_change, or one alone"
        if compared is not None:
            why = f"no seed of which '{base}' has a result at its default"
        yield from (_row(table, entry, metric, workspace, note=why) for metric in table.metrics)


def _numbers(table: Table, entry: Entry, found: Comparison, n: int | None, workspace: Workspace) -> Iterator[Row]:
    where = f"{found.moved} of {found.seeds} seeds at the curve's own damage" if found.moved else ""
    bounds = "; ".join(f"{bound} this, since the curve it is compared with ends before" for bound in found.bounds)
    note = bounds if found.seeds > 1 else "too few seeds"
    numbers = {
        "target_ratio": {"mean": found.mean, "sd": found.sd, "note": where},
        "retain_change": {"mean": found.damage, "note": where},
        "difference": {
            "mean": found.difference,
            "low": found.low,
            "high": found.high,
            "covers": SEEDS,
            "note": note,
        },
    }
    for metric in table.metrics:
        given = {name: None if value != value else value for name, value in numbers[metric].items()}
        yield _row(table, entry, metric, workspace, seeds=found.seeds, n=n, **given)


def _row(table: Table, entry: Entry, metric: str, workspace: Workspace, **numbers: object) -> Row:
    cell, resolved = entry.done.planned.cell, entry.done.resolved
    dataset = workspace.dataset(cell.settings.dataset)
    judge = resolved.judgement.label if resolved else "no cell"
    return Row(
        table=table.name,
        model=cell.model,
        feature=cell.feature,
        variant=entry.variant.family,
        method=entry.variant.method,
        needs=needs_of(entry.variant, workspace),
        metric=metric,
        higher_is_better=False,
        data=dataset.label,
        source=f"{dataset.label}; {judge}; interpolated between cells",
        **{"seeds": 0, **numbers},  # type: ignore[arg-type]
    )
