"""The other attributes that moved in a table's cells; their shares appear in its CSV only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.report.tables.entry import Entry
from bench.workspace.store.record import Record

COLUMN = "attribute_shift"  # the column that sums up what these rows say one by one
ALWAYS = ("Male",)  # removing beards removes men: its share is given wherever a judge names it


def moved_attributes(entries: Sequence[Entry]) -> dict[tuple[str, str], list[str]]:
    """Return by model and feature the names of the shares to be shown: ``attribute_ratio[A]``.

    An attribute moved if its share differs from the original's by more than its interval: if, in some row of the table,
    the paired 95 % interval of ``attribute_shift[A]`` lies on one side of 0, the same one, for every seed of that row.
    """
    rows: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for entry in entries:
        if entry.result is not None:
            rows.setdefault(entry.place, {}).setdefault(entry.variant.label, []).append(entry.result)
    return {place: [f"attribute_ratio[{name}]" for name in _names(of_place)] for place, of_place in rows.items()}


def _names(rows: dict[str, list[Record]]) -> list[str]:
    found = {name for records in rows.values() for name in _moved(records)}
    named = {name for records in rows.values() for record in records for name in _attributes(record)}
    return sorted(found | (named & set(ALWAYS)))


def _moved(records: Sequence[Record]) -> Iterator[str]:
    for name in _attributes(records[0]):
        sides = {_side(record, name) for record in records}
        if sides in ({1}, {-1}):
            yield name


def _side(record: Record, attribute: str) -> int:
    """Return on which side of 0 the interval of an attribute's shift lies; 0 if it holds 0, or there is none."""
    shift = record.metrics.get(f"{COLUMN}[{attribute}]")
    if shift is None or shift.low is None or shift.high is None:
        return 0
    return (shift.low > 0) - (shift.high < 0)


def _attributes(record: Record) -> list[str]:
    prefix = f"{COLUMN}["
    return [name.removeprefix(prefix).removesuffix("]") for name in record.metrics if name.startswith(prefix)]
