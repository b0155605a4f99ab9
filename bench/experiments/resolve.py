"""From a cell's names to what they name: everything is loaded and checked once, and nothing is run or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from bench.api import Dataset, Extractor, Feedback, Method
from bench.core.code_watch import changed
from bench.core.foreign_code import contained
from bench.errors import BenchError, CheckpointError, PluginError, UsageError, WrongData, shown
from bench.evaluation import without_oracle
from bench.evaluation.images import asked_for, images_known, images_now
from bench.evaluation.metric_plugins import load_metrics
from bench.evaluation.sight import require_sight
from bench.experiments.cell import Cell
from bench.experiments.judgement import Judgement, asks_oracle, judgement_of, require_clicks
from bench.experiments.keys import keys_of, metric_keys_of, observer_keys_of, sources
from bench.experiments.parts import Declared, Parts
from bench.experiments.stopping import Stopped, steps_of
from bench.feedback import file as feedback_file
from bench.feedback import repeats
from bench.feedback.file import FeedbackFile
from bench.workspace import loading
from bench.workspace.record import StageKeys
from bench.workspace.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True)
class Resolved(Parts):
    """A cell that can run: its parts, and the keys of its stages.

    Attributes
    ----------
    keys : StageKeys
        From what each stage reads.
    metric_keys : mapping of str to str
        By metric, from its code and what it reads besides the cell's samples.
    observer_keys : mapping of str to str
        By judge or extractor, from its weights and code.
    declined : str or None
        Why the method cannot work on this cell.
    images : str or None
        Identity of the data set's images, if a key hashes it.
    sources : mapping of str to str
        Files of others' code from which the keys were made, with a hash of each.
    """

    keys: StageKeys
    metric_keys: Mapping[str, str]
    observer_keys: Mapping[str, str]
    declined: str | None
    images: str | None
    sources: Mapping[str, str]

    def require_unchanged(self) -> None:
        """Raise an error if code or images have changed since: what was made with them has another key."""
        again = "changed while cells ran, so nothing is stored of this one. Run the same command again"
        if files := changed(self.sources):
            raise PluginError(f"{', '.join(files)}: {again}")
        if self.images is not None and self.images != images_now(self.workspace, self.cell.settings.dataset):
            raise WrongData(f"the images of data set '{self.cell.settings.dataset}': {again}")

    @cached_property
    def folder(self) -> Path:
        """The cell's folder in the store."""
        return self.workspace.store.folder(self.cell.readable, self.keys.evaluate)


def resolve(cell: Cell, workspace: Workspace) -> Resolved:
    """Load and check all that a cell names, its method included.

    Raises
    ------
    BenchError
        If something must be mended before this cell can run: a name, weights, an oracle, a feedback file.
    """
    method = configured(cell, workspace)
    parts = load_parts(cell, workspace, declared(cell.method, method))
    code, dataset = sources(parts), cell.settings.dataset  # first: of what was imported
    with asked_for() as asked:
        keys, metric_keys = keys_of(parts), metric_keys_of(parts)
    return Resolved(
        **vars(parts),
        keys=keys,
        metric_keys=metric_keys,
        observer_keys=observer_keys_of(parts),
        declined=_declined(parts, method),
        images=images_known(workspace, dataset) if dataset in asked else None,
        sources=code,
    )


def configured(cell: Cell, workspace: Workspace) -> Method[Any]:
    """Return a cell's method with its hyper-parameters."""
    plugin: type[Method[Any]] = workspace.registry.get("methods", cell.method, "--method")
    params = plugin.Config.model_validate(cell.params.model_dump(mode="json"))
    method = _asked(cell.method, "__init__", lambda: plugin(params))
    return method if cell.step is None else cast(Method[Any], Stopped(method, cell.step))


def declared(name: str, method: Method[Any]) -> Declared:
    """Return what a method says of itself; raises PluginError if it cannot."""
    try:
        return _asked(
            name,
            "also_asks",
            lambda: Declared(
                needs=method.needs,
                reads_feedback=method.reads_feedback,
                trainings=method.trainings,
                also=method.also_asks(),
            ),
        )
    except ValidationError as error:
        wrong = ", ".join(str(each["loc"][0]) for each in error.errors())
        raise PluginError(
            f"method '{name}': {wrong} is not what bench.api.Method describes: needs is a frozenset of names, "
            "reads_feedback a bool, trainings a number of at least 1, also_asks() returns a tuple of names"
        ) from error


def load_parts(cell: Cell, workspace: Workspace, method: Declared) -> Parts:
    """Load and check all that a cell names, except its method; raises BenchError as ``resolve`` does."""
    settings = cell.settings
    dataset = workspace.dataset(settings.dataset)
    without_oracle.require_feature(dataset, settings.dataset, cell.feature)
    judgement = judgement_of(workspace, dataset, settings, cell.feature, asks_oracle(cell.feedback_file, method.needs))
    if cell.feedback_file is None:
        require_clicks(judgement, settings.dataset, cell.model)
    judgement.require_attributes(method.also, cell.feature)
    metrics, missing = load_metrics(workspace.registry, settings.evaluation.metrics)
    missing |= judgement.left_out(metrics)
    extractors = {name: workspace.extractor(name) for name in settings.evaluation.extractors or ()}
    original = workspace.original(cell.model, cell.weights)
    _require_sight(cell, original, dataset, judgement, extractors)
    given = _given_feedback(cell, original, judgement, method.also)
    metrics |= judgement.own_metrics(original.generator, given[0] if given else None)
    return Parts(
        cell=cell,
        workspace=workspace,
        dataset=dataset,
        method=method,
        judgement=judgement,
        original=original,
        cut_original=_cut_original(cell, workspace, original, dataset, judgement, given),
        metrics={name: metric for name, metric in metrics.items() if name not in missing},
        missing_metrics=missing,
        extractors=extractors,
        given=given,
    )


def _cut_original(
    cell: Cell,
    workspace: Workspace,
    original: loading.Original,
    dataset: Dataset,
    judgement: Judgement,
    given: tuple[Feedback, FeedbackFile] | None,
) -> loading.Original:
    """Return the generator whose samples make the cut: the original, or the one that ``oracle.cut`` names."""
    asked = cell.settings.oracle.cut
    if asked in ("generator", "shown"):
        return original
    setting, clicker = f"--set oracle.cut={shown(asked)}", judgement.oracles.feedback
    if given is not None and given[1].threshold is not None:
        raise UsageError(f"{setting}: {cell.feedback_file} says which score was clicked. Leave the setting out")
    if not judgement.can_click or clicker.classifier.top_fraction is None:
        raise UsageError(f"{setting}: no oracle clicks a top share of samples here. Leave the setting out")
    try:
        found = workspace.original(cell.model, asked)
    except CheckpointError as error:
        raise UsageError(
            f"{setting}: expected generator, shown, or weights of the model '{cell.model}' (zoo name or file): {error}"
        ) from error
    _require_sight(cell, found, dataset, judgement, {})
    return found


def _require_sight(
    cell: Cell,
    original: loading.Original,
    dataset: Dataset,
    judgement: Judgement,
    extractors: Mapping[str, tuple[Extractor, str]],
) -> None:
    shape, observers = original.generator.image_shape, {name: each for name, (each, _) in extractors.items()}
    require_sight(shape, cell.settings.dataset, dataset, vars(judgement.oracles), observers)


def _declined(parts: Parts, method: Method[Any]) -> str | None:
    cell, needs = parts.cell, parts.method.needs
    if cell.step is not None and steps_of(method.config) is None:
        return "has no steps to be evaluated at"
    return (
        parts.judgement.unmet(needs)
        or loading.missing_networks(parts.original.networks, needs, parts.original.model)
        or _asked(cell.method, "supports", lambda: method.supports(cell.model, cell.feature))
    )


def _asked(name: str, what: str, ask: Callable[[], T]) -> T:
    """Call a stranger's code while nothing runs yet; raises PluginError, so that it stops its own cells alone."""
    try:
        with contained():
            return ask()
    except (BenchError, ValidationError):
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"method '{name}': {what} failed: {type(error).__name__}: {error}") from error


def _given_feedback(
    cell: Cell, original: loading.Original, judgement: Judgement, also: tuple[str, ...]
) -> tuple[Feedback, FeedbackFile] | None:
    """Read the feedback file that was named, if one was; raises UsageError unless it is for this cell."""
    if cell.feedback_file is None:
        return None
    feedback, stored = feedback_file.from_file(cell.feedback_file, original.sha256, original.generator)
    repeats.read(cell.feedback_file)  # raises now rather than after the run
    clicker = judgement.clicker(stored.oracle)
    feedback_file.require_task(cell.feedback_file, stored, cell.model, cell.feature, clicker, also)
    return feedback, stored
