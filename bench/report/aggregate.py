"""The tidy frame behind a table: one row per number, aggregated over seeds, with the published value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from bench.experiments.execute import Done
from bench.report.definitions import FIDELITY, Table, Variant
from bench.report.published import Published
from bench.workspace.record import Measurement, Record
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Row:
    """One number of a table.

    Attributes
    ----------
    table, model, feature, variant : str
        Where it stands.
    method, needs, metric : str
    mean : float or None
        Over seeds.
    sd : float or None
        Standard deviation over seeds (ddof=1).
    seeds, n : int
        Seeds, and samples per seed.
    higher_is_better : bool or None
    note : str
        Why there is no number, or what to know about it.
    paper : float or None
        The published value.
    data, source : str
        Which data, and which judge or extractor.
    """

    table: str
    model: str
    feature: str
    variant: str
    method: str = ""
    needs: str = ""
    metric: str = ""
    mean: float | None = None
    sd: float | None = None
    seeds: int = 1
    n: int | None = None
    higher_is_better: bool | None = None
    note: str = ""
    paper: float | None = None
    data: str = ""
    source: str = ""


COLUMNS = tuple(each.name for each in fields(Row))


@dataclass(frozen=True)
class Entry:
    """One cell behind a table: its variant, how it ended, and the record if there is one."""

    variant: Variant
    done: Done

    @property
    def place(self) -> tuple[str, str]:
        """Model and feature."""
        return self.done.planned.cell.model, self.done.planned.cell.feature

    @property
    def seed(self) -> int:
        """Feedback and unlearning seed."""
        return self.done.planned.cell.seed

    @property
    def result(self) -> Record | None:
        """The record, if the cell has a result."""
        record = self.done.record
        return record if record is not None and record.status == "ok" else None


def frame_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Return rows as a frame, a column per field of ``Row``."""
    return pd.DataFrame([asdict(row) for row in rows], columns=list(COLUMNS))


def tidy_rows(table: Table, entries: Sequence[Entry], workspace: Workspace, published: Published) -> list[Row]:
    """Aggregate stored records over seeds into one row per number."""
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((*entry.place, entry.variant.label), []).append(entry)
    rows = []
    for members in groups.values():
        extractors = members[0].done.planned.cell.settings.evaluation.extractors or ()
        for metric in _expanded(table.metrics, extractors):
            rows.append(_row(table, metric, members, workspace, published))
    return rows


def _row(table: Table, metric: str, members: Sequence[Entry], workspace: Workspace, published: Published) -> Row:
    first = members[0]
    model, feature = first.place
    found = [m for entry in members if entry.result is not None and (m := _measured(entry.result, metric)) is not None]
    values = [measurement.value for measurement in found]
    method = workspace.registry.get("methods", first.variant.method, "--method")
    return Row(
        table=table.name,
        model=model,
        feature=feature,
        variant=first.variant.label,
        method=first.variant.method,
        needs=" ".join(sorted(method.needs)),
        metric=metric,
        mean=float(np.mean(values)) if values else None,
        sd=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        seeds=len(values),
        n=found[0].n if found else None,
        higher_is_better=found[0].higher_is_better if found else None,
        note=_note(metric, members, len(values)),
        paper=published.value(table.name, model, feature, first.variant, metric),
        data=workspace.dataset(first.done.planned.cell.settings.dataset).label,
        source=found[0].source if found else "",
    )


def _measured(record: Record, metric: str) -> Measurement | None:
    """Return a record's metric, or what its unlearning stage took, in the form of a metric."""
    if metric not in ("seconds", "peak_memory_mb"):
        return record.metrics.get(metric)
    machine = record.provenance.machine
    source = f"unlearning stage on {machine.device}, {machine.threads} threads"
    value = getattr(record.timings["unlearn"], metric)
    return Measurement(value=value, n=1, higher_is_better=False, source=source, metric="")


def _expanded(metrics: Sequence[str], extractors: Sequence[str]) -> list[str]:
    return [name for m in metrics for name in ([f"{m}[{x}]" for x in extractors] if m in FIDELITY else [m])]


def _note(metric: str, members: Sequence[Entry], found: int) -> str:
    """Say why there is no number, or that it is of fewer seeds than the caption says."""
    if found == 0:
        return _why_missing(metric, members)
    return "" if found == len(members) else f"{found} of {len(members)} seeds"


def _why_missing(metric: str, members: Sequence[Entry]) -> str:
    for entry in members:
        if entry.result is None:
            return entry.done.why
        for name, reason in entry.result.skipped_metrics.items():
            if name.split("[")[0] == metric.split("[")[0]:
                return reason
    return "n/a"


def group_firsts(entries: Sequence[Entry]) -> Mapping[tuple[str, str], Entry]:
    """Return the first entry of each model and feature."""
    firsts: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        firsts.setdefault(entry.place, entry)
    return firsts
