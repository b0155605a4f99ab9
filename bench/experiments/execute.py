"""Carry out a plan: trainings first, then cell by cell. A failed cell stops no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.core import resuming
from bench.errors import EXIT_NOTHING, EXIT_OK, EXIT_SOME_FAILED, BenchError, DataError, first_sentence
from bench.experiments import pretrain
from bench.experiments.measured import shown
from bench.experiments.plan import Plan, Planned
from bench.experiments.resolve import Resolved, resolve
from bench.experiments.run import run_cell
from bench.workspace import seals
from bench.workspace.record import Record
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Done:
    """How a cell ended: with a record, or with what must be mended before it can run.

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
        return self.record is not None and self.record.status in ("ok", "skipped")

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
    untrained = _train_all(plan, workspace)
    done = []
    for item in plan.cells:
        lacks = untrained.get(item.cell.weights) or item.lacks
        outcome = Done(item, item.resolved, error=lacks) if lacks else _carried_out(item, plan, workspace)
        done.append(outcome)
        report(outcome)
    return done


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
            pretrain.pretrain(workspace, training.recipe)
        except BenchError as error:
            if all(item.cell.weights == training.weights for item in plan.cells):
                raise
            failed[training.weights] = error
    return failed


def _carried_out(item: Planned, plan: Plan, workspace: Workspace) -> Done:
    if item.action == "cached":
        return Done(item, item.resolved, _record_of(item, workspace))
    resolved = item.resolved
    try:
        resolved = resolved or resolve(item.cell, workspace)
        if plan.overwrite == "always":
            _forget(resolved)
        return Done(item, resolved, run_cell(resolved))
    except BenchError as error:
        if len(plan.cells) == 1:
            raise
        return Done(item, resolved, error=error)


def _record_of(item: Planned, workspace: Workspace) -> Record | None:
    if item.resolved is None:
        return None
    record = workspace.store.readable(item.resolved.folder, item.resolved.keys.evaluate)
    return None if record is None else shown(item.resolved, record)


def _forget(resolved: Resolved) -> None:
    """Remove a stored result and the unlearning stage behind it."""
    store = resolved.workspace.store
    folder = store.stage("unlearn", resolved.keys.unlearn)
    (resolved.folder / "result.json").unlink(missing_ok=True)
    with store.locked(folder):
        seals.open_seal(folder)
        (folder / "unlearned.safetensors").unlink(missing_ok=True)
        resuming.forget(folder / "checkpoint.pt")
