"""Load and check everything that a cell names, once; run and write nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from bench.api import Dataset, Extractor, Feedback, Method, Networks, Params
from bench.core.code_watch import changed
from bench.core.foreign_code import contained
from bench.core.remembered import remembered
from bench.errors import BenchError, CheckpointError, PluginError, UsageError, WrongData, shown
from bench.evaluation import without_oracle
from bench.evaluation.images import asked_for, images_known, images_now
from bench.evaluation.metric_plugins import load_metrics
from bench.evaluation.sight import require_sight
from bench.experiments.cells.cell import Cell, Place
from bench.experiments.cells.judgement import Judgement, asks_oracle, judgement_of, require_clicks
from bench.experiments.cells.keys import keys_of, shared_keys_of
from bench.experiments.cells.parts import Declared, Parts, Shared
from bench.experiments.cells.plugin_code import sources
from bench.experiments.cells.stopping import Stopped
from bench.feedback import file as feedback_file
from bench.feedback import given
from bench.feedback.file import FeedbackFile
from bench.workspace.store.record import StageKeys
from bench.workspace.weights import loading
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
    method, said = _method(cell.method, cell.params, cell.step, workspace)
    shared, dataset = _shared(cell.place, workspace, said), cell.settings.dataset
    parts = Parts(**vars(shared), cell=cell, method=said)
    code = sources(shared, cell.method)  # first: of what was imported
    with asked_for() as asked:
        keys_here = shared_keys_of(shared)
        keys = keys_of(parts, keys_here)
    return Resolved(
        **vars(parts),
        keys=keys,
        metric_keys=keys_here.metrics,
        observer_keys=keys_here.observers,
        declined=_declined(shared, cell.method, method, cell.step, said.needs),
        images=images_known(workspace, dataset) if dataset in asked else None,
        sources=code,
    )


def configured(cell: Cell, workspace: Workspace) -> Method[Any]:
    """Return a cell's method with its hyper-parameters."""
    return _method(cell.method, cell.params, cell.step, workspace)[0]


def steps_of(cell: Cell, workspace: Workspace) -> int | None:
    """Return how many steps the main loop of a cell's method takes; None if it has none."""
    return _asked(cell.method, "step_count", configured(cell, workspace).step_count)


def unsupported(cell: Cell, workspace: Workspace) -> str | None:
    """Return why a cell's method cannot handle its model or feature; None if it can."""
    method, place = configured(cell, workspace), cell.place
    return _asked(cell.method, "supports", lambda: method.supports(place.model, place.feature))


def no_next_original(found: Resolved) -> str | None:
    """Return why the cell's method could unlearn nothing further from what it will leave; None if it could."""
    method, original = configured(found.cell, found.workspace), found.original
    alone: Networks[Any] = Networks(original.networks.config, generator=original.generator)
    if lacking := loading.missing_networks(alone, method.needs, original.model):
        return lacking
    clicker = found.judgement.oracles.feedback.oracle(found.cell.feature, 0.0) if "oracle" in method.needs else None
    rebuilt = _asked(found.cell.method, "rebuild", lambda: method.rebuild(original.generator, clicker))
    return None if loading.keeps_structure(original, rebuilt) else "changes the structure of the generator"


@remembered
def _method(name: str, params: Params, step: int | None, workspace: Workspace) -> tuple[Method[Any], Declared]:
    """Return a method with its hyper-parameters, and what it says of itself."""
    plugin: type[Method[Any]] = workspace.registry.get("methods", name, "--method")
    config = plugin.Config.model_validate(params.model_dump(mode="json"))
    method = _asked(name, "__init__", lambda: plugin(config))
    if step is not None:
        method = cast(Method[Any], Stopped(method, step))
    return method, declared(name, method)


def declared(name: str, method: Method[Any]) -> Declared:
    """Return a method's declarations; raises PluginError if they cannot be read."""
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
    return Parts(**vars(_shared(cell.place, workspace, method)), cell=cell, method=method)


def _shared(place: Place, workspace: Workspace, method: Declared) -> Shared:
    return _loaded(place, workspace, asks_oracle(place.feedback_file, method.needs), method.also)


@remembered
def _loaded(place: Place, workspace: Workspace, asks: bool, also: tuple[str, ...]) -> Shared:
    """Load and check what a place names, for methods that ask an oracle or not, and for further attributes."""
    settings, feature = place.settings, place.feature
    dataset = workspace.dataset(settings.dataset)
    without_oracle.require_feature(dataset, settings.dataset, feature)
    judgement = judgement_of(workspace, dataset, settings, feature, asks)
    if place.feedback_file is None:
        require_clicks(judgement, settings.dataset, place.model)
    judgement.require_attributes(also, feature)
    metrics, missing = load_metrics(workspace.registry, settings.evaluation.metrics)
    missing |= judgement.left_out(metrics)
    extractors = {name: workspace.extractor(name) for name in settings.evaluation.extractors or ()}
    original = workspace.original(place.model, place.weights)
    _require_sight(place, original, dataset, judgement, extractors)
    given = _given_feedback(place, original, judgement, also)
    metrics |= judgement.own_metrics(original.generator, given[0] if given else None)
    return Shared(
        place=place,
        workspace=workspace,
        dataset=dataset,
        judgement=judgement,
        original=original,
        cut_original=_cut_original(place, workspace, original, dataset, judgement, given),
        metrics={name: metric for name, metric in metrics.items() if name not in missing},
        missing_metrics=missing,
        extractors=extractors,
        given=given,
    )


def _cut_original(
    place: Place,
    workspace: Workspace,
    original: loading.Original,
    dataset: Dataset,
    judgement: Judgement,
    given: tuple[Feedback, FeedbackFile] | None,
) -> loading.Original:
    """Return the generator whose samples make the cut: the original, or the one that ``oracle.cut`` names."""
    asked = place.settings.oracle.cut
    if asked in ("generator", "shown"):
        return original
    setting, clicker = f"--set oracle.cut={shown(asked)}", judgement.oracles.feedback
    if given is not None and given[1].threshold is not None:
        raise UsageError(f"{setting}: {place.feedback_file} says which score was clicked. Leave the setting out")
    if not judgement.can_click or clicker.classifier.top_fraction is None:
        raise UsageError(f"{setting}: no oracle clicks a top share of samples here. Leave the setting out")
    try:
        found = workspace.original(place.model, asked)
    except CheckpointError as error:
        raise UsageError(
            f"{setting}: expected generator, shown, or weights of the model '{place.model}' (zoo name or file): {error}"
        ) from error
    _require_sight(place, found, dataset, judgement, {})
    return found


def moved_cut(shared: Shared) -> tuple[str, ...]:
    """Say that the cut is that of samples which have lost a feature before, where it is."""
    clicker, cut = shared.judgement.oracles.feedback, shared.cut_original
    if not cut.unlearned or not shared.judgement.can_click or shared.given or clicker.classifier.top_fraction is None:
        return ()
    return (
        f"--weights {cut.path}: was unlearned before. The top share of its own samples counts as "
        f"{shared.place.feature}. To count what counted before, name the first generator: --set oracle.cut=WEIGHTS",
    )


def _require_sight(
    place: Place,
    original: loading.Original,
    dataset: Dataset,
    judgement: Judgement,
    extractors: Mapping[str, tuple[Extractor, str]],
) -> None:
    shape, observers = original.generator.image_shape, {name: each for name, (each, _) in extractors.items()}
    require_sight(shape, place.settings.dataset, dataset, vars(judgement.oracles), observers)


@remembered
def _declined(shared: Shared, name: str, method: Method[Any], step: int | None, needs: frozenset[str]) -> str | None:
    place = shared.place
    if step is not None and _asked(name, "step_count", method.step_count) is None:
        return "has no steps to be evaluated at"
    return (
        shared.judgement.unmet(needs)
        or _missing_networks(shared, needs)
        or _asked(name, "supports", lambda: method.supports(place.model, place.feature))
    )


@remembered
def _missing_networks(shared: Shared, needs: frozenset[str]) -> str | None:
    return loading.missing_networks(shared.original.networks, needs, shared.original.model)


def _asked(name: str, what: str, ask: Callable[[], T]) -> T:
    """Call plug-in code before anything runs; its errors become PluginError, which stops its own cells alone."""
    try:
        with contained():
            return ask()
    except (BenchError, ValidationError):
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"method '{name}': {what} failed: {type(error).__name__}: {error}") from error


def _given_feedback(
    place: Place, original: loading.Original, judgement: Judgement, also: tuple[str, ...]
) -> tuple[Feedback, FeedbackFile] | None:
    """Read the feedback file that was named, if one was; raises UsageError unless it is for this place."""
    if place.feedback_file is None:
        return None
    feedback, stored = given.read(place.feedback_file, original.sha256, original.generator)
    clicker = judgement.clicker(stored.oracle)
    feedback_file.require_task(place.feedback_file, stored, place.model, place.feature, clicker, also)
    return feedback, stored
