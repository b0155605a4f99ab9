"""Find stale cells: their code, weights, data or parameters have changed since they were stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from bench.errors import BenchError, first_sentence
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.resolve import resolve
from bench.workspace.store.leftovers import Leftover
from bench.workspace.store.record import Record
from bench.workspace.workspace import Workspace


def outdated(workspace: Workspace) -> Iterator[Leftover | tuple[Path, str]]:
    """Yield the stale cells, and the folder and the reason for each cell that cannot be checked."""
    for folder, record in workspace.store.records():
        if record.status not in ("ok", "skipped"):
            continue
        try:
            key = resolve(_cell_of(record, workspace), workspace).keys.evaluate
        except ValidationError:
            yield Leftover("stale", folder, f"method '{record.method}' has other hyper-parameters now")
        except BenchError as error:
            yield folder, first_sentence(error)
        except PermissionError as error:  # its original is the weights of a cell that may not be read
            yield folder, f"{error.filename}: cannot be read ({error.strerror})"
        else:
            if key != record.key:
                yield Leftover("stale", folder, "code, weights, data or clicks have changed since")


def _cell_of(record: Record, workspace: Workspace) -> Cell:
    """Return the cell that a record is of; raises ValidationError if its method has other parameters now."""
    config = workspace.registry.get("methods", record.method, "--method").Config
    source = record.provenance
    return Cell(
        suite=record.suite,
        method=record.method,
        model=record.model,
        feature=record.feature,
        seed=record.seed,
        params=config.model_validate(record.params),
        settings=source.settings,
        weights=source.weights.path,
        feedback_file=None if source.feedback_file is None else Path(source.feedback_file),
        step=record.step,
    )
