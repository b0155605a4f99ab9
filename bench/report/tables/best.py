"""Mark the best numbers of a table: those that paired intervals over seeds cannot tell from the best one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from bench.errors import BenchError
from bench.registry import Registry
from bench.report.comparing.paired import FEWEST, student
from bench.report.tables.row import Row


def with_best(rows: Sequence[Row], registry: Registry) -> list[Row]:
    """Mark the best numbers of each model, feature and metric; none where all of them would be.

    Methods compete that need clicks alone, on two seeds or more; references do not. A row that shares fewer than two
    seeds with the best mean cannot be compared with it, and is not marked.
    """
    references = {name for name in {row.method for row in rows} if _is_reference(name, registry)}
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.method not in references and _competes(row):
            groups.setdefault((row.model, row.feature, row.metric), []).append(row)
    best = {id(row) for group in groups.values() for row in _best(group)}
    return [replace(row, best=True) if id(row) in best else row for row in rows]


def _is_reference(name: str, registry: Registry) -> bool:
    """Say whether a method is one; a row may be of a plug-in that is not here, or no longer loads."""
    try:
        return bool(registry.get("methods", name).reference)
    except BenchError:
        return False


def _competes(row: Row) -> bool:
    """Say whether a row is of a method that needs clicks alone, on enough seeds, in a known direction."""
    return not row.needs and row.higher_is_better is not None and len(row.by_seed) >= FEWEST


def _best(group: Sequence[Row]) -> list[Row]:
    sign = 1 if group[0].higher_is_better else -1
    first = max(group, key=lambda row: sign * fmean(row.by_seed.values()))
    compared = [row for row in group if row is first or len(row.by_seed.keys() & first.by_seed.keys()) >= FEWEST]
    found = [row for row in compared if row is first or not _is_worse(row.by_seed, first.by_seed, sign)]
    return found if len(found) < len(compared) else []


def _is_worse(values: Mapping[int, float], first: Mapping[int, float], sign: int) -> bool:
    """Say whether the interval of the paired differences, over the seeds of both, lies on the worse side of 0."""
    _, _, high = student([sign * (values[seed] - first[seed]) for seed in sorted(values.keys() & first.keys())])
    return high < 0
