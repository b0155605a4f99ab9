"""Stored cells as a frame: what ``bench.results`` returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bench.report.terminal.listing import Filters, Listed, listed, stored_at
from bench.workspace.settings.typed_text import to_text
from bench.workspace.store.record import Record
from bench.workspace.store.store import Store

FIRST = ("cell", "status", "method", "model", "dataset", "feature", "seed", "label")
LAST = ("reason", "weights", "feedback_file", "suite", "key", "stored", "folder", "losses")
MEASURED = ("metric", "value", "low", "high", "covers", "n", "higher_is_better", "source")


def frame_of(store: Store, *, tidy: bool) -> pd.DataFrame:
    """Return the stored cells, a row each; ``tidy``: a row for each number of a metric."""
    cells = [(each, each.record) for each in listed(store, Filters()) if each.record is not None]
    if tidy:
        rows = [row for each, record in cells for row in _numbers(each, record)]
        return pd.DataFrame(rows, columns=[*FIRST, *MEASURED])
    rows = [_row(each, record) for each, record in cells]
    between = dict.fromkeys(name for row in rows for name in row if name not in (*FIRST, *LAST))
    return pd.DataFrame(rows, columns=[*FIRST, *sorted(between, key=_order), *LAST])


def _order(column: str) -> int:
    """Sort parameters first, then metrics, then seconds."""
    return 0 if column.startswith("params.") else 2 if column.startswith("seconds.") else 1


def _head(each: Listed, record: Record) -> dict[str, Any]:
    named = {name: getattr(record, name) for name in FIRST[1:-1]}
    return {"cell": each.folder.name, **named, "label": each.label}


def _row(each: Listed, record: Record) -> dict[str, Any]:
    logged = record.artefacts.get("losses")
    return {
        **_head(each, record),
        **{f"params.{name}": _plain(value) for name, value in record.told_apart_by.items()},
        **{name: metric.value for name, metric in record.metrics.items()},
        **{f"seconds.{stage}": cost.seconds for stage, cost in record.timings.items()},
        "reason": each.reason or None,
        "weights": record.provenance.weights.path,
        "feedback_file": record.provenance.feedback_file,
        "suite": record.suite,
        "key": record.key,
        "stored": stored_at(each.folder),
        "folder": str(each.folder),
        "losses": None if logged is None else str(Path(each.folder, logged.file)),
    }


def _plain(value: Any) -> Any:
    """Return a value that a frame can group by: lists and tables as ``-p`` takes them."""
    return to_text(value) if isinstance(value, list | dict) else value


def _numbers(each: Listed, record: Record) -> list[dict[str, Any]]:
    head = _head(each, record)
    return [
        head | {"metric": name} | metric.model_dump(include=set(MEASURED) - {"metric"})
        for name, metric in record.metrics.items()
    ]
