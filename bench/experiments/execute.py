"""Carry out a plan: trainings first, then cell by cell. A failed cell stops no other."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.errors import EXIT_NOTHING, EXIT_OK, EXIT_SOME_FAILED, BenchError, DataError, first_sentence
from bench.experiments import isolated
from bench.experiments.measured import shown
from bench.experiments.plan import Plan, Planned
from bench.experiments.resolve import Resolved, resolve
from bench.experiments.run import store_end
from bench.workspace.record import Record
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Done:
    """How a cell ended: with a record, or with what must be mended before it can run or be measured again.

    Attributes
    ----------
    planned : Planned
    resolved : Resolved or None
        None if it could not be resolved.
    record : Record or None
    error : BenchError or None
    """

    planned: Planned
    resolved: Resolved | None
    record: Record | None = None
    error: BenchError | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a result, or the method declined."""
        return self.error is None and self.record is not None and self.record.status in ("ok", "skipped")

    @property
    def failed(self) -> bool:
        """Whether a cell failed; one that was declined, or whose data set is not here, did not."""
        return not self.ok and not isinstance(self.error, DataError)

    @property
    def why(self) -> str:
        """Why there is no result."""
        if self.error is not None:
            return first_sentence(self.error)
        return "not run" if self.record is None else self.record.outcome


def execute(plan: Plan, workspace: Workspace, report: Callable[[Done], None]) -> list[Done]:
    """Train what is missing, run what is not stored, and report each cell as it ends.

    Parameters
    ----------
    plan : Plan
    workspace : Workspace
    report : callable
        Called with each cell's outcome.

    Raises
    ------
    BenchError
        If no cell can run: what the first one lacks.
    """
    plan.require_runnable()
    if plan.waiting:
        workspace.store.require_writable()
    since = time.time() if plan.overwrite == "always" else None
    untrained = _train_all(plan, workspace)
    done: dict[int, Done] = {}
    for i in _free_first(plan, workspace):
        item = plan.cells[i]
        lacks = untrained.get(item.cell.weights) or item.lacks
        done[i] = Done(item, item.resolved, error=lacks) if lacks else _carried_out(item, plan, workspace, since)
        report(done[i])
    return [done[i] for i in range(len(plan.cells))]


def _free_first(plan: Plan, workspace: Workspace) -> Iterator[int]:
    """Yield the numbers of the cells, those last on which another process works now."""
    waiting = deque(range(len(plan.cells)))
    passed_over = 0
    while waiting:
        i = waiting.popleft()
        if passed_over < len(waiting) and _is_busy(plan.cells[i], workspace):
            waiting.append(i)
            passed_over += 1
            continue
        passed_over = 0
        yield i


def _is_busy(item: Planned, workspace: Workspace) -> bool:
    return item.resolved is not None and item.action != "cached" and workspace.store.is_locked(item.resolved.folder)


def stored(plan: Plan, workspace: Workspace) -> list[Done]:
    """Return what is stored of a plan; nothing is run."""
    return [
        Done(item, item.resolved, _record_of(item, workspace), item.missing[0] if item.missing else None)
        for item in plan.cells
    ]


def exit_code(done: Sequence[Done]) -> int:
    """Return the exit code of a command that ran these cells."""
    if not done:
        return EXIT_NOTHING
    return EXIT_OK if all(each.ok for each in done) else EXIT_SOME_FAILED


def _train_all(plan: Plan, workspace: Workspace) -> dict[str, BenchError]:
    """Train what is missing; return the errors of trainings that failed, by weights file."""
    failed: dict[str, BenchError] = {}
    for training in plan.trainings:
        if all(item.missing for item in plan.cells if item.cell.weights == training.weights):
            continue  # its cells could not run afterwards
        workspace.progress.note(
            f"no weights of '{training.model}' for data set '{training.recipe.dataset}' yet: training it first "
            "(to use other weights: --weights FILE)"
        )
        try:
            isolated.pretrain_apart(workspace, training.recipe)
        except BenchError as error:
            if all(item.cell.weights == training.weights for item in plan.cells):
                raise
            failed[training.weights] = error
    return failed


def _carried_out(item: Planned, plan: Plan, workspace: Workspace, since: float | None) -> Done:
    if item.action == "cached":
        return Done(item, item.resolved, _record_of(item, workspace))
    resolved = item.resolved
    try:
        resolved = resolved or resolve(item.cell, workspace)
        if resolved.declined is not None:
            return Done(item, resolved, store_end(resolved, "skipped", resolved.declined, since))
        return Done(item, resolved, isolated.run_apart(resolved, since))
    except BenchError as error:
        if len(plan.cells) == 1:
            raise
        record = _record_of(item, workspace) if item.action == "measure" else None  # it only lacks a metric
        return Done(item, resolved, record, error)


def _record_of(item: Planned, workspace: Workspace) -> Record | None:
    if item.resolved is None:
        return None
    record = workspace.store.readable(item.resolved.folder, item.resolved.keys.evaluate)
    return None if record is None else shown(item.resolved, record)
