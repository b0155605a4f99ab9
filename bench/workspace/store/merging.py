"""Add another store's cells to this one by key: equal cells once, both of two cells that differ."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.core.files import file_sha256
from bench.errors import StoreError
from bench.workspace.store.record import Record
from bench.workspace.store.store import Store
from bench.workspace.store.travelling import RESULT, Parcel, unpacked

CONFLICTS = "conflicts"  # folder in a cell's folder
SHOWN = 4  # differences
Fate = Literal["added", "same", "completed", "worse", "conflict", "damaged"]


@dataclass(frozen=True)
class Merged:
    """The outcome of merging a cell.

    Attributes
    ----------
    cell : str
    fate : {"added", "same", "completed", "worse", "conflict", "damaged"}
        "completed": it has metrics that ours lacked; "worse": it has no result, and ours stays.
    why : str
    """

    cell: str
    fate: Fate
    why: str = ""


def merge(parcel: Parcel, store: Store, write: bool) -> Iterator[Merged]:
    """Add the cells of a parcel to a store.

    Parameters
    ----------
    parcel : Parcel
    store : Store
    write : bool
        False: only say what would happen to each.

    Yields
    ------
    Merged
    """
    for cell in parcel.cells:
        try:
            with unpacked(parcel, cell, store.root if write else None) as (folder, record):
                yield _merged(folder, record, store, write)
        except StoreError as error:
            yield Merged(cell, "damaged", str(error))


def _merged(folder: Path, theirs: Record, store: Store, write: bool) -> Merged:
    name, key = folder.name, theirs.key
    target = store.folder(name.rpartition("-")[0], key)
    ours = store.readable(target, key)
    if write:
        with store.locked(target):
            return _decided(folder, theirs, store, target, store.readable(target, key), True)
    return _decided(folder, theirs, store, target, ours, False)


def _decided(folder: Path, theirs: Record, store: Store, target: Path, ours: Record | None, write: bool) -> Merged:
    if ours is None or (_has_result(theirs) and not _has_result(ours)):
        if write:
            _put(folder, target, theirs, store)
        return Merged(target.name, "added", "" if ours is None else f"ours was {ours.outcome}")
    if not _has_result(theirs):
        return Merged(target.name, "worse", f"theirs is {theirs.outcome}")
    if found := differences(ours, theirs):
        place = target / CONFLICTS / file_sha256(folder / RESULT)[:8]
        if write and not place.exists():
            place.parent.mkdir(exist_ok=True)
            shutil.copytree(folder, place)
        return Merged(target.name, "conflict", f"{'; '.join(found)}. Ours stays; theirs: {place}")
    further = theirs.metric_runs.keys() - ours.metric_runs.keys()
    if not further:
        return Merged(target.name, "same")
    if write:
        store.write(target, _completed(ours, theirs, further))
    return Merged(target.name, "completed", f"with {', '.join(sorted(further))}")


def _has_result(record: Record) -> bool:
    return record.status in ("ok", "skipped")


def _put(folder: Path, target: Path, record: Record, store: Store) -> None:
    """Copy a cell's files, its record last."""
    for path in sorted(folder.iterdir()):
        if path.name != RESULT:
            temporary = target / f".{path.name}.incoming"
            shutil.copyfile(path, temporary)
            temporary.replace(target / path.name)
    store.write(target, record)


def _completed(ours: Record, theirs: Record, further: Set[str]) -> Record:
    """Return our record with the values and skips of metrics that only theirs has, and the machine that computed these.

    Of a metric that both have, ours stays whole: another version of it may have other values.
    """
    facts = theirs.provenance.machine
    elsewhere = facts.software != ours.provenance.machine.software
    runs = {
        name: run.model_copy(update={"machine": facts}) if run.machine is None and elsewhere else run
        for name, run in theirs.metric_runs.items()
    }
    values = {name: value for name, value in theirs.metrics.items() if value.metric in further}
    skipped = {name: why for name, why in theirs.skipped_metrics.items() if name.partition("[")[0] in further}
    kept = {name: why for name, why in ours.skipped_metrics.items() if name.partition("[")[0] not in further}
    return ours.model_copy(
        update={
            "metrics": {**values, **ours.metrics},
            "metric_runs": {**runs, **ours.metric_runs},
            "skipped_metrics": {**skipped, **kept},
        }
    )


def differences(ours: Record, theirs: Record) -> list[str]:
    """Return where two results of one cell differ: status, weights, values of the metrics that both have.

    The machine that made a result, and the time it took, are no difference.
    """
    found = []
    if ours.status != theirs.status:
        found.append(f"status {ours.status} / {theirs.status}")
    files = [record.artefacts.get("weights") for record in (ours, theirs)]
    if files[0] and files[1] and files[0].sha256 != files[1].sha256:
        found.append(f"weights sha256 {files[0].sha256[:12]} / {files[1].sha256[:12]}")
    for name in sorted(ours.metrics.keys() & theirs.metrics.keys()):
        a, b = ours.metrics[name], theirs.metrics[name]
        if _numbers(a) != _numbers(b):
            found.append(f"{name} {a.value:.6g} / {b.value:.6g}")
    more = len(found) - SHOWN
    head = found[:SHOWN] + ([f"{more} more"] if more > 0 else [])
    return head + _machines(ours, theirs) if head else []


def _numbers(measured: Any) -> tuple[Any, ...]:
    return (measured.value, measured.n, measured.low, measured.high)


def _machines(ours: Record, theirs: Record) -> list[str]:
    a, b = ours.provenance.machine.software, theirs.provenance.machine.software
    unlike = [name for name in a if a[name] != b[name]]
    return [f"made with another {', '.join(unlike)}"] if unlike else []
