"""One cell behind a table."""

from __future__ import annotations

from dataclasses import dataclass

from bench.experiments.execution.execute import Done
from bench.report.tables.definitions import Variant
from bench.workspace.store.record import Record


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
