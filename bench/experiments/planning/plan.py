"""A plan: what would be trained and run, why, for how long, and what is missing. Making one changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.core import collecting, resuming
from bench.core.durations import duration, number_of
from bench.core.remembered import remembering
from bench.errors import BenchError
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.needs import Looked, to_embed
from bench.experiments.cells.recipes import notes_on_images
from bench.experiments.cells.resolve import Resolved, moved_cut, resolve
from bench.experiments.cells.trained_here import TrainedHere, untrained
from bench.experiments.planning.expected import Expected, expected_cell
from bench.experiments.planning.expected_training import expected_embeddings, expected_retraining, expected_training
from bench.workspace.settings.suite_checks import unknown_names
from bench.workspace.store import seals
from bench.workspace.store.record import Record
from bench.workspace.workspace import Workspace

Overwrite = Literal["never", "failed", "always"]
Action = Literal["run", "measure", "skip", "cached", "resume", "waits"]


@dataclass(frozen=True)
class Training:
    """Weights that must be trained before the cells that need them."""

    what: TrainedHere
    expected: Expected

    @property
    def weights(self) -> str:
        """The file that it writes."""
        return self.what.weights


@dataclass(frozen=True)
class Embedding:
    """A data set's images, which an extractor looks at once, in the first cell that compares with them."""

    dataset: str
    extractor: str
    expected: Expected


@dataclass(frozen=True)
class Planned:
    """One cell of a plan.

    Attributes
    ----------
    cell : Cell
    action : {"run", "measure", "skip", "cached", "resume", "waits"}
        "measure" is for a stored cell that lacks metrics; a cell that waits lacks something else.
    why : str
    expected : Expected
    resolved : Resolved or None
        None for a cell that waits, or whose generator is trained first.
    missing : tuple of BenchError
        What a waiting cell lacks.
    after : tuple of str
        Weights files that are trained first.
    """

    cell: Cell
    action: Action
    why: str
    expected: Expected
    resolved: Resolved | None = None
    missing: tuple[BenchError, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The cell's folder; without its key where that is not known yet."""
        return self.cell.readable if self.resolved is None else self.resolved.folder.name

    @property
    def lacks(self) -> BenchError | None:
        """The first thing that a waiting cell lacks."""
        return self.missing[0] if self.missing else None


@dataclass(frozen=True)
class Plan:
    """Trainings, then cells.

    Attributes
    ----------
    trainings : tuple of Training
        In their order; a training whose cells all lack something else is not carried out.
    embeddings : tuple of Embedding
    cells : tuple of Planned
    overwrite : {"never", "failed", "always"}
        Which stored cells run again.
    notes : tuple of str
        What the suite names that is not here, what the trainings cannot do with these images, which cells have another
        cut.
    """

    trainings: tuple[Training, ...]
    embeddings: tuple[Embedding, ...]
    cells: tuple[Planned, ...]
    overwrite: Overwrite
    notes: tuple[str, ...] = ()

    @property
    def beforehand(self) -> list[Expected]:
        """The times of what is made before the first cell: trainings, then embeddings."""
        return [*(each.expected for each in self.trainings), *(each.expected for each in self.embeddings)]

    @property
    def waiting(self) -> list[Planned]:
        """The cells that are not stored."""
        return [item for item in self.cells if item.action != "cached"]

    @property
    def missing(self) -> list[str]:
        """The missing inputs, each once."""
        return list(dict.fromkeys(str(error) for item in self.cells for error in item.missing))

    def require_runnable(self) -> None:
        """Raise BenchError if no cell can run: all that is missing, as the error of the first thing."""
        if self.cells and all(item.missing for item in self.cells):
            first = self.cells[0].missing[0]
            raise type(first)("\n".join(self.missing))

    def summary(self) -> str:
        """Say in one line how many cells there are, how many are to run, and for how long."""
        count, waiting = len(self.cells), self.waiting
        measured, skipped = (sum(item.action == action for item in waiting) for action in ("measure", "skip"))
        times = [each.seconds for each in (*self.beforehand, *(i.expected for i in waiting if i.action != "skip"))]
        known = [seconds for seconds in times if seconds is not None]
        unknown = f" and {len(times) - len(known)} of unknown time" if len(known) < len(times) else ""
        time = f"about {duration(sum(known))}{unknown}" if known else "time unknown until the first is done"
        head = f"{number_of(count, 'cell')}, {count - len(waiting)} stored, {len(waiting) - measured - skipped} to run"
        head += f", {measured} stored without a metric" if measured else ""
        head += f", {skipped} skipped" if skipped else ""
        return f"{head}; {time}" if times else head


def plan(cells: Iterable[Cell], workspace: Workspace, overwrite: Overwrite, suite: str = "lite") -> Plan:
    """Plan each cell: stored, resumed, run, or lacking something; with the reason and the expected time.

    Parameters
    ----------
    cells : iterable of Cell
    workspace : Workspace
    overwrite : {"never", "failed", "always"}
    suite : str
        As typed, for the commands that make what is missing.
    """
    planner = _Planner(workspace, overwrite, Looked(workspace, suite), completed(workspace), set())
    found = list(cells)
    with remembering(), collecting.paused():
        planned = tuple(planner.planned(cell) for cell in found)
        trainings = planner.trainings(found)
        notes = (*unknown_names(suite, workspace.registry), *planner.notes(trainings, planned))
        return Plan(trainings, planner.embeddings(planned), planned, overwrite, notes)


def told_beforehand(trainings: Sequence[Training], embeddings: Sequence[Embedding]) -> str:
    """Say what is trained first, in which order, and for how long."""
    lines = ["no weights yet, so these are trained first, in this order; after a stop, the same command resumes:"]
    lines += [
        f"  {number}. {each.what.purpose}, {each.what.name} on {each.what.recipe.dataset}: {each.expected}"
        for number, each in enumerate(trainings, 1)
    ]
    lines += [f"then {each.extractor} looks at the images of {each.dataset}: {each.expected}" for each in embeddings]
    times = [*(each.expected.seconds for each in trainings), *(each.expected.seconds for each in embeddings)]
    known = sum(filter(None, times))
    if known and None not in times:
        lines.append(f"in all about {duration(known)} before the first cell")
    return "\n".join(lines)


def completed(workspace: Workspace) -> list[Record]:
    """Return the records that times are estimated from."""
    return [record for _, record in workspace.store.records() if record.status == "ok"]


@dataclass(frozen=True)
class _Planner:
    workspace: Workspace
    overwrite: Overwrite
    looked: Looked
    past: Sequence[Record]
    shared: set[str]  # keys of the unlearning stages of the cells so far, which later ones share

    def trainings(self, cells: Sequence[Cell]) -> tuple[Training, ...]:
        found = {each.weights: each for cell in cells for each in untrained(cell.place, self.workspace)}
        generators_last = sorted(found.values(), key=lambda each: each.recipe.kind == "models")
        return tuple(
            Training(each, expected_training(self.workspace, each.recipe, each.weights)) for each in generators_last
        )

    def notes(self, trainings: Sequence[Training], planned: Sequence[Planned]) -> tuple[str, ...]:
        told = [note for each in trainings for note in notes_on_images(self.workspace, each.what.recipe)]
        told += [note for item in planned if item.resolved is not None for note in moved_cut(item.resolved)]
        return tuple(dict.fromkeys(told))

    def embeddings(self, planned: Sequence[Planned]) -> tuple[Embedding, ...]:
        found = {
            (item.cell.settings.dataset, name)
            for item in planned
            if item.action in ("run", "resume", "measure")
            for name in to_embed(item.cell.place, self.workspace)
        }
        return tuple(
            Embedding(dataset, name, expected_embeddings(self.workspace, dataset)) for dataset, name in sorted(found)
        )

    def planned(self, cell: Cell) -> Planned:
        expected = expected_cell(cell, self.workspace, self.past)
        try:
            if expected.seconds is None:
                expected = expected_retraining(self.workspace, cell, self.past) or expected
            return self._planned(cell, expected)
        except BenchError as error:  # its method does not load, for instance
            return _waiting(cell, expected, [error])

    def _planned(self, cell: Cell, expected: Expected) -> Planned:
        missing = self.looked.to_resolve(cell)
        if first := untrained(cell.place, self.workspace):
            if missing := [*missing, *self.looked.to_run(cell)]:
                return _waiting(cell, expected, missing)
            names, files = ", ".join(f"'{each.name}'" for each in first), tuple(each.weights for each in first)
            return Planned(cell, "run", f"after the training of {names}", expected, after=files)
        if missing:
            return _waiting(cell, expected, missing)
        return self._resolved(resolve(cell, self.workspace), expected)

    def _resolved(self, resolved: Resolved, expected: Expected) -> Planned:
        cell, store = resolved.cell, self.workspace.store
        record = store.readable(resolved.folder, resolved.keys.evaluate)
        if record is not None and self._counts(record):
            if (lacking := record.lacking(resolved.metric_keys)) and self._completes(record):
                return Planned(cell, "measure", f"stored without {', '.join(lacking)}", _again(record), resolved)
            why = f"stored with status {record.status}"
            return Planned(cell, "cached", why, Expected(0.0, ""), resolved)
        if (reason := resolved.declined) is not None:
            return Planned(cell, "skip", reason, Expected(0.0, ""), resolved)
        if missing := self.looked.to_run(cell):
            return _waiting(cell, expected, missing)
        stage, key = store.stage("unlearn", resolved.keys.unlearn), resolved.keys.unlearn
        begun = self.overwrite != "always" and stage.is_dir()
        trained = key in self.shared or (begun and (stage / seals.SEAL).exists())
        self.shared.add(key)
        if trained:
            expected = expected_cell(cell, self.workspace, self.past, trained=True)
        if begun and resuming.has_begun(stage / "checkpoint.pt"):
            return Planned(cell, "resume", "has a checkpoint", expected, resolved)
        why = "no stored result" if record is None else f"stored with status {record.status}"
        if trained and cell.method != "original":
            why += "; evaluation alone, its training is another cell's or done"
        return Planned(cell, "run", why, expected, resolved)

    def _counts(self, record: Record) -> bool:
        return self.overwrite == "never" or (record.status in ("ok", "skipped") and self.overwrite != "always")

    def _completes(self, record: Record) -> bool:
        return record.status == "ok" and self.overwrite != "never"


def _again(record: Record) -> Expected:
    return Expected(record.timings["evaluate"].seconds, "at most what its evaluation took")


def _waiting(cell: Cell, expected: Expected, missing: Sequence[BenchError]) -> Planned:
    return Planned(cell, "waits", "something is missing, see below", expected, missing=tuple(missing))
