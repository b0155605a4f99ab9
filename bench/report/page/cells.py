"""The cells of several results folders, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.errors import StoreError
from bench.report import inputs
from bench.report import labels as names
from bench.report.terminal.listing import listed
from bench.workspace.store.record import Record
from bench.workspace.store.store import Store


@dataclass(frozen=True)
class StoredCell:
    """A cell with a result.

    Attributes
    ----------
    record : Record
    folder : Path
    label : str
        What distinguishes it from other cells of the same method, model and feature, whatever their seed.
    inputs : mapping of str to str
        Its weights and clicks, where other cells of its place have others.
    """

    record: Record
    folder: Path
    label: str
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, str, str]:
        """Data, model and feature."""
        return self.record.provenance.data, self.record.model, self.record.feature

    @property
    def variant(self) -> str:
        """The method, and what distinguishes the cell."""
        return f"{self.record.method}, {self.label}" if self.label else self.record.method

    @property
    def anchor(self) -> str:
        """Where the page shows its record."""
        return f"cell-{self.record.key[:16]}"


@dataclass(frozen=True)
class WithoutResult:
    """A folder without a usable result, and why."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True)
class Gathered:
    """The content of the folders."""

    cells: Sequence[StoredCell]
    others: Sequence[WithoutResult]


def gather(roots: Sequence[Path]) -> Gathered:
    """Read results folders; a cell that lies in several counts once.

    Raises
    ------
    StoreError
        If a folder is not there, or is not one.
    """
    found: dict[str, tuple[Path, Record]] = {}
    others = []
    for root in {root.resolve(): root for root in roots}.values():
        if not root.is_dir():
            raise StoreError(f"--results {root}: no such folder; bench run stores its cells in results/runs")
        for each in listed(Store(root)):
            if each.record is not None and each.status == "ok":
                found.setdefault(each.record.key, (each.folder, each.record))
            else:
                others.append(WithoutResult(each.folder.name, each.status, each.reason or _usual(each.status)))
    records = [record for _, record in found.values()]
    told = zip(found.values(), names.of_records(records), inputs.of_records(records), strict=True)
    cells = _apart([StoredCell(record, folder, label, began) for (folder, record), label, began in told])
    return Gathered(sorted(cells, key=lambda cell: (*cell.place, cell.variant, cell.record.seed)), others)


def _apart(cells: Sequence[StoredCell]) -> list[StoredCell]:
    """Name cells by their key that nothing else tells apart: a row shows one number of a seed."""
    rows = [(*cell.place, cell.variant, cell.record.seed) for cell in cells]
    times = Counter(rows)
    keys = [f"key={cell.record.key[:8]}" if times[row] > 1 else "" for cell, row in zip(cells, rows, strict=True)]
    labels = [" ".join(filter(None, (cell.label, key))) for cell, key in zip(cells, keys, strict=True)]
    return [replace(cell, label=label) for cell, label in zip(cells, labels, strict=True)]


def _usual(status: str) -> str:
    return {"stopped": "it was stopped; run the same command again to resume", "running": "it runs now"}.get(status, "")
