"""Carry out a plan: trainings first, then cell by cell. A failed cell stops no other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from bench.errors import EXIT_NOTHING, EXIT_OK, EXIT_SOME_FAILED, BenchError, DataError, StoreError, first_sentence
from bench.experiments.cells.resolve import Resolved, resolve
from bench.experiments.execution import isolated
from bench.experiments.execution.backends.base import Backend, End, Job
from bench.experiments.execution.backends.serial import Serial
from bench.experiments.planning.order import Order
from bench.experiments.planning.pace import Pace, State
from bench.experiments.planning.plan import Plan, Planned, Training, told_beforehand
from bench.experiments.stages.measured import shown
from bench.experiments.stages.run import store_end
from bench.workspace.store.record import Record
from bench.workspace.store.sweeps import told
from bench.workspace.workspace import Workspace

SECONDS = 0.5  # between two looks at what runs
TRIES = 3  # of a cell whose worker was lost


@dataclass(frozen=True)
class Done:
    """The outcome of a cell: a record, or the error to mend before it can run or be measured again.

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


def execute(
    plan: Plan,
    workspace: Workspace,
    report: Callable[[Done], None],
    backend: Backend | None = None,
    watch: Callable[[State], None] = lambda state: None,
) -> list[Done]:
    """Train what is missing, run what is not stored, and report each cell as it ends.

    Parameters
    ----------
    plan : Plan
    workspace : Workspace
    report : callable
        Called with each cell's outcome.
    backend : Backend, optional
        Who runs the cells; by default this process, one after another.
    watch : callable
        Called about twice a second with what runs and waits, while several cells can run at once.

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
    with told(workspace.store, [item.name for item in plan.waiting]) if plan.waiting else nullcontext() as sweep:
        place = workspace.store.root if sweep is None else sweep.folder
        with backend or Serial() as workers:
            execution = _Execution(plan, workspace, workers, report, since, place, untrained)
            while execution.goes_on:
                execution.give()
                watch(execution.state)
                execution.take()
    return [execution.done[i] for i in range(len(plan.cells))]


class _Execution:
    """Cells on their way from the plan to a back end, and from there to the report."""

    def __init__(
        self,
        plan: Plan,
        workspace: Workspace,
        backend: Backend,
        report: Callable[[Done], None],
        since: float | None,
        sweep: Path,
        untrained: Mapping[str, BenchError],
    ) -> None:
        self._plan, self._workspace, self._backend, self._report = plan, workspace, backend, report
        self._since, self._sweep, self._untrained = since, sweep, untrained
        self._order = Order(plan, workspace.store)
        self._running: dict[int, Job] = {}
        self._helpers: set[Job] = set()
        self._helped: set[int] = set()  # cells whose helpers have ended: so has the cell, or they cannot help
        self._losses: Counter[int] = Counter()
        self._pace = Pace(plan)
        self.done: dict[int, Done] = {}

    @property
    def goes_on(self) -> bool:
        """Whether there are cells left."""
        return bool(self._order or self._running)

    @property
    def state(self) -> State:
        """The cells that run and wait now."""
        return self._pace.state(
            {i: job.resolved.folder for i, job in self._running.items()},
            self._order.left,
            [each.ok for each in self.done.values()],
            self._backend.capacity,
        )

    def give(self) -> None:
        """Give cells to the back end, as many as it takes."""
        while self._order and len(self._running) + len(self._helpers) < self._backend.capacity:
            number = self._order.next([job.resolved for job in self._running.values()])
            if (job := self._job(number)) is not None:
                self._running[number] = job
                self._pace.began(number)
                self._backend.submit(job)
        if self._backend.shares and not self._order:
            self._give_helpers()

    def _give_helpers(self) -> None:
        """Let workers that have nothing to do help with the cells that run, in turn."""
        free = self._backend.capacity - len(self._running) - len(self._helpers)
        begun = [job for i, job in self._running.items() if i not in self._helped and self._is_begun(job)]
        for _, job in zip(range(free), cycle(begun), strict=False):
            helper = replace(job, helps=True)
            self._helpers.add(helper)
            self._backend.submit(helper)

    def _is_begun(self, job: Job) -> bool:
        return self._workspace.store.is_locked(job.resolved.folder)

    def take(self) -> None:
        """Take the cells that have ended from the back end."""
        for end in self._backend.ended(SECONDS) if self._running else ():
            if end.job in self._helpers:
                self._helpers.remove(end.job)
                self._helped.add(end.job.number)
                continue
            job = self._running.pop(end.job.number)
            if end.lost is not None and self._again(job, end.lost):
                continue
            self._pace.ended(job.number)
            self._ended(job, end)

    def _job(self, number: int) -> Job | None:
        """Return a cell as a job; None if that need not be run, or cannot be."""
        item, workspace = self._plan.cells[number], self._workspace
        resolved, done = item.resolved, None
        try:
            if lacks := item.lacks or next((self._untrained[x] for x in item.after if x in self._untrained), None):
                done = Done(item, resolved, error=lacks)
            elif item.action == "cached":
                done = Done(item, resolved, _record_of(item, workspace))
            elif (resolved := resolved or resolve(item.cell, workspace)).declined is not None:
                done = Done(item, resolved, store_end(resolved, "skipped", resolved.declined, self._since))
        except BenchError as error:
            done = self._without_result(item, resolved, error)
        if done is not None:
            self._put(number, done)
            return None
        assert resolved is not None
        return Job(number, resolved, self._since, self._sweep)

    def _ended(self, job: Job, end: End) -> None:
        item, resolved, record = self._plan.cells[job.number], job.resolved, end.record
        try:
            if end.error is not None:
                raise end.error
            if end.lost is not None:
                record = store_end(resolved, "killed", f"{resolved.folder.name}: {end.lost}, {TRIES} times", job.since)
            record = record or _stored_by_worker(resolved)
        except BenchError as error:
            self._put(job.number, self._without_result(item, resolved, error))
        else:
            self._put(job.number, Done(item, resolved, record))

    def _without_result(self, item: Planned, resolved: Resolved | None, error: BenchError) -> Done:
        if len(self._plan.cells) == 1:
            raise error
        record = _record_of(item, self._workspace) if item.action == "measure" else None  # it only lacks a metric
        return Done(item, resolved, record, error)

    def _again(self, job: Job, why: str) -> bool:
        """Put a cell back whose worker was lost, unless that has happened too often."""
        self._losses[job.number] += 1
        if self._losses[job.number] >= TRIES:
            return False
        self._workspace.progress.note(f"{job.resolved.folder.name}: {why}. It is started again")
        self._order.put_back(job.number)
        return True

    def _put(self, number: int, done: Done) -> None:
        self.done[number] = done
        self._report(done)


def stored(plan: Plan, workspace: Workspace) -> list[Done]:
    """Return the stored cells of a plan; runs nothing."""
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
    wanted = {weights for item in plan.cells for weights in item.after}
    trainings = [each for each in plan.trainings if each.weights in wanted]  # the cells of others cannot run anyway
    if trainings:
        workspace.progress.note(told_beforehand(trainings, plan.embeddings))
    for note in plan.notes:
        workspace.progress.note(note)
    for training in trainings:
        if not any(failed.keys().isdisjoint(item.after) for item in plan.cells if training.weights in item.after):
            continue  # what its cells need too could not be trained
        try:
            _train(training, workspace)
        except BenchError as error:
            if all(training.weights in item.after for item in plan.cells):
                raise
            failed[training.weights] = error
    return failed


def _train(training: Training, workspace: Workspace) -> None:
    """Train, unless another command does so meanwhile: then wait for it."""
    path = Path(training.weights)
    with workspace.store.locked(path.parent / ".locks" / path.stem, workspace.progress.note):
        if not path.exists():
            workspace.progress.note(f"training the {training.what.purpose}, {training.what.name}: {path}")
            isolated.pretrain_apart(workspace, training.what.recipe)


def _stored_by_worker(resolved: Resolved) -> Record:
    record = resolved.workspace.store.readable(resolved.folder, resolved.keys.evaluate)
    if record is None:
        raise StoreError(
            f"{resolved.folder}: its worker has ended, and no result is there. Workers on other machines need the same "
            "results folder: name one that all of them see, --results DIR"
        )
    return shown(resolved, record)


def _record_of(item: Planned, workspace: Workspace) -> Record | None:
    if item.resolved is None:
        return None
    record = workspace.store.readable(item.resolved.folder, item.resolved.keys.evaluate)
    return None if record is None else shown(item.resolved, record)
