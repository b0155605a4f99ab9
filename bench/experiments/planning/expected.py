"""How long cells and trainings should take, and what that is estimated from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.api import Params
from bench.core.durations import duration
from bench.core.reading import read_toml
from bench.core.remembered import remembered
from bench.experiments.cells.cell import Cell, Place
from bench.workspace.settings.suites import ModelSettings, load_suite
from bench.workspace.store.record import Record
from bench.workspace.workspace import Workspace

TIMES = Path(__file__).parent / "expected_times.toml"
Kind = tuple[str, int | None, str, str, frozenset[str]]  # method, step, model, data set, extractors
SCALED = "scaled to these parameters and counts"


class Expected(NamedTuple):
    """A wall time in seconds, None if nothing is known, and what it is estimated from; "" for no estimate."""

    seconds: float | None
    basis: str

    def __str__(self) -> str:
        return f"time unknown: {self.basis}" if self.seconds is None else f"about {duration(self.seconds)}"


@dataclass(frozen=True)
class Load:
    """The quantities that a cell's times are proportional to: samples clicked and evaluated, steps of training."""

    clicked: float
    evaluated: float
    trained: float

    @classmethod
    def of(cls, settings: ModelSettings, params: Mapping[str, Any]) -> Load:
        """Return the load of a cell with these settings and hyper-parameters."""
        return cls(settings.feedback.count, settings.evaluation.count, _trained(params))

    def of_stage(self, stage: str) -> float:
        """Return the load of a stage of a record."""
        return {"feedback": self.clicked, "unlearn": self.trained}.get(stage, self.evaluated)

    def apart(self, other: Load) -> float:
        """Return how different two loads are; 0 if they are the same."""
        pairs = ((self.clicked, other.clicked), (self.evaluated, other.evaluated), (self.trained, other.trained))
        return sum(abs(math.log(a / b)) for a, b in pairs)


def expected_cell(cell: Cell, workspace: Workspace, past: Sequence[Record], *, trained: bool = False) -> Expected:
    """Estimate a cell's time: from the stored cells that are most like it, else from the shipped times.

    Parameters
    ----------
    cell : Cell
    workspace : Workspace
    past : sequence of Record
        Those of the same method, model, data set and extractors count.
    trained : bool
        Whether its training is done, or is another cell's.
    """
    return _expected(cell.place, cell.method, cell.step, cell.params, workspace, past, trained)


@remembered
def _expected(
    place: Place,
    method: str,
    step: int | None,
    params: Params,
    workspace: Workspace,
    past: Sequence[Record],
    trained: bool,
) -> Expected:
    load = Load.of(place.settings, params.model_dump())
    same = _by_kind(past).get(_kind(method, step, place), [])
    if not same:
        return _shipped(place, method, type(params), workspace, load, trained) or Expected(None, "never measured")
    loads = [Load.of(record.provenance.settings, record.params) for record in same]
    nearest = min(each.apart(load) for each in loads)
    like = [(record, each) for record, each in zip(same, loads, strict=True) if each.apart(load) == nearest]
    seconds = median(_scaled(record, each, load, trained) for record, each in like)
    basis = "median of the stored cells of the method and model"
    return Expected(seconds, f"{basis}, {SCALED}" if nearest else basis)


def _trained(params: Mapping[str, Any]) -> float:
    """Return what the time of a training is proportional to; 1 where no field says.

    ``steps`` are batches, and so are ``epochs`` next to a ``steps_per_epoch``; others are passes over the data.
    """
    counts = {name: value for name, value in params.items() if isinstance(value, int | float) and value > 0}
    steps = counts.get("steps", counts.get("epochs", 1)) * counts.get("steps_per_epoch", 1)
    batches = "steps" in counts or "steps_per_epoch" in counts
    return float(steps * counts.get("batch_size", 1)) if batches else float(steps)


@remembered
def _by_kind(past: Sequence[Record]) -> Mapping[Kind, Sequence[Record]]:
    found: dict[Kind, list[Record]] = {}
    for record in past:
        extractors = frozenset(record.provenance.extractors)
        kind = (record.method, record.step, record.model, record.dataset, extractors)
        found.setdefault(kind, []).append(record)
    return found


def _kind(method: str, step: int | None, place: Place) -> Kind:
    settings = place.settings
    return method, step, place.model, settings.dataset, frozenset(settings.evaluation.extractors or ())


def _scaled(record: Record, done: Load, load: Load, trained: bool) -> float:
    """Return what a record's stages would have taken at another load."""
    stages = {stage: cost for stage, cost in record.timings.items() if not (trained and stage == "unlearn")}
    return sum(cost.seconds * load.of_stage(stage) / done.of_stage(stage) for stage, cost in stages.items())


def _shipped(
    place: Place, method: str, config: type[Params], workspace: Workspace, load: Load, trained: bool
) -> Expected | None:
    """Scale a shipped time. What a method takes more than ``original``, which changes nothing, is its training."""
    settings, times, basis = _shipped_times_of(place.model, place.settings.dataset)
    if method not in times or settings is None:
        return None
    usual = settings.evaluation.extractors or workspace.dataset(settings.dataset).extractors
    if place.settings.evaluation.extractors != usual:
        return None
    measured = Load.of(settings, config(**settings.params_for(method, config)).model_dump())
    trains = "epochs" in config.model_fields
    rest = times["original"] if trains or trained else times[method]
    training = 0.0 if trained else times[method] - rest
    seconds = rest * load.evaluated / measured.evaluated + training * load.trained / measured.trained
    return Expected(seconds, basis if seconds == rest + training else f"{basis}, {SCALED}")


@remembered
def _shipped_times_of(model: str, dataset: str) -> tuple[ModelSettings | None, dict[str, float], str]:
    """Return the settings at which a model was measured on a data set, the times of its methods, and how."""
    for suite, times in shipped_times().items():
        settings = load_suite(suite).models.get(model)
        if model in times and settings is not None and settings.dataset == dataset:
            return settings, times[model], times["basis"]
    return None, {}, ""


@cache
def shipped_times() -> dict[str, Any]:
    """Return the shipped times: suite to model to method to seconds, and each suite's ``basis``."""
    return read_toml(TIMES)
