"""Turn a user's request into cells: check names and values; load, train and write nothing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.api import FurtherFeatures
from bench.core import limits
from bench.core.progress import Progress
from bench.errors import BenchError, PluginError, UsageError
from bench.evaluation.without_oracle import require_feature
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.judgement import asks_oracle
from bench.experiments.cells.recipes import pretrained_path, recipe_of
from bench.experiments.cells.resolve import steps_of
from bench.experiments.cells.trained_here import name_extractors, with_oracles
from bench.experiments.planning.configurations import Configured, configurations
from bench.workspace import manifest
from bench.workspace.settings.asked_methods import AskedMethod, read_method
from bench.workspace.settings.plugin_fields import PluginFields
from bench.workspace.settings.settings import model_settings
from bench.workspace.settings.suites import ModelSettings, Suite, load_suite
from bench.workspace.settings.values import read_assignments
from bench.workspace.weights.extractor_names import trained_on
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Request:
    """A user's request for cells; lists make a grid, ``["all"]`` stands for everything registered.

    Attributes
    ----------
    methods : sequence of str
        Names, or names with parameters for one alone: ``mine -p mix=0.5``.
    models, features : sequence of str
    seeds : sequence of int
    params : sequence of str
        The methods' parameters as typed (``-p``): ``name=value``, or ``name=value//value`` for a grid.
    values : mapping of str to Any
        Parameters as Python values.
    suite : str
        A suite's name or file.
    evaluate_at : sequence of int
        Steps after which each run is evaluated, a cell each; after its last one by default.
    dataset, weights, feedback_file
        As typed; the suite's weights and the simulated oracle by default.
    overrides : sequence of str
        Settings as typed (``--set``).
    settings : mapping of str to Any
        Settings as Python values.
    """

    methods: Sequence[str]
    models: Sequence[str]
    features: Sequence[str] = ("all",)
    seeds: Sequence[int] = (0,)
    params: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    suite: str = "lite"
    evaluate_at: Sequence[int] = ()
    dataset: str | None = None
    overrides: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: str | None = None
    feedback_file: Path | None = None


def cells(request: Request, workspace: Workspace) -> list[Cell]:
    """Resolve a request into cells, each once; every name and value is checked.

    Raises
    ------
    UsageError
        Unknown names (with the nearest match), wrong values (all at once), a feature the data set lacks.
    """
    if request.weights is not None:
        if not request.weights.strip():
            raise UsageError("--weights: is empty. Name a weights file, or leave the option out")
        manifest.path_of(request.weights)  # raises unless it is there
    _require_said_once(request, workspace.progress)
    suite = load_suite(request.suite)
    methods = _methods(request.methods, workspace)
    models = _models(request, suite, workspace)
    settings_of = {model: _settings(suite, model, request, workspace) for model in models}
    typed = read_assignments(request.params, "-p")
    params_of = configurations(methods, settings_of, typed, request.values, workspace)
    features_of = {model: _features(request, suite, settings, workspace) for model, settings in settings_of.items()}
    _require_few(params_of, features_of, len(request.seeds) * max(1, len(request.evaluate_at)))
    found: dict[tuple[str, ...], Cell] = {}
    for model, settings in settings_of.items():
        weights = request.weights or settings.weights or _trained_here(workspace, model, settings)
        own = {
            (asks, feature): with_oracles(_of_feature(settings, feature, workspace), asks, workspace)
            for asks, feature in itertools.product((True, False), features_of[model])
        }
        for feature, method in itertools.product(features_of[model], methods):
            its_settings = own[_asks(request, method.name, workspace), feature]
            runs = itertools.product(params_of[model, method], request.seeds, request.evaluate_at or (None,))
            for asked, seed, step in runs:
                cell = Cell(
                    suite=suite.name,
                    method=method.name,
                    model=model,
                    feature=feature,
                    seed=seed,
                    params=asked.params,
                    settings=its_settings,
                    weights=weights,
                    feedback_file=request.feedback_file,
                    named=asked.named,
                    step=step,
                )
                if step is not None:
                    _require_within(step, cell, workspace)
                found.setdefault((cell.readable, asked.params.model_dump_json()), cell)
    return list(found.values())


def _require_within(step: int, cell: Cell, workspace: Workspace) -> None:
    """Raise UsageError for a step beyond a run's last one."""
    try:
        last = steps_of(cell, workspace)
    except PluginError:  # of a method that does not load: told with its cells
        return
    if last is not None and step > last:
        longer = f", or let it take more: -p epochs={step}" if "epochs" in type(cell.params).model_fields else ""
        raise UsageError(
            f"--evaluate-at {step}: {cell.method} takes {last} steps here. Name steps up to {last}{longer}"
        )


def _require_said_once(request: Request, progress: Progress) -> None:
    """Raise UsageError for a setting that another option sets too; tell of one that has no effect."""
    typed = read_assignments(request.overrides, "--set").keys()
    for path, given in (("weights", request.weights), ("dataset", request.dataset)):
        if path in typed and given is not None:
            raise UsageError(f"--set {path}: --{path} {given} says the same thing. Leave one of the two out")
    if "feedback.count" in typed and request.feedback_file is not None:
        progress.note(
            f"--set feedback.count: has no effect, since --feedback {request.feedback_file} holds its own count"
        )


def _require_few(
    params_of: Mapping[tuple[str, AskedMethod], Sequence[Configured]],
    features_of: Mapping[str, Sequence[str]],
    each: int,
) -> None:
    """Raise UsageError for more cells than a command should have, before they fill the memory.

    ``each``: how many cells every configuration and feature has, by seeds and steps.
    """
    count = each * sum(len(params) * len(features_of[model]) for (model, _), params in params_of.items())
    if count > limits.CELLS:
        raise UsageError(
            f"--method, --model, --feature, --seed, -p, --evaluate-at: name {count:,} cells; at most {limits.CELLS:,} "
            "in one command"
        )


def _models(request: Request, suite: Suite, workspace: Workspace) -> list[str]:
    models = _chosen(request.models, list(suite.models))
    if request.dataset is not None:
        workspace.registry.source("datasets", request.dataset, "--dataset")
    for model in models:
        if model not in suite.models:
            workspace.registry.source("models", model, "--model")
        elif request.dataset not in (None, suite.models[model].dataset):
            workspace.progress.note(
                f"--dataset {request.dataset}: the settings of '{model}' in suite '{suite.name}' are for "
                f"'{suite.models[model].dataset}'; counts and hyper-parameters are the defaults (--set, -p)"
            )
    return models


def _chosen(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return what was asked for, each once; ``all`` stands for everything known."""
    return list(dict.fromkeys(name for each in asked for name in (known if each == "all" else [each])))


def _methods(asked: Sequence[str], workspace: Workspace) -> list[AskedMethod]:
    """Return the methods asked for; ``all`` leaves out those that do not load, and says so.

    A named one that does not load costs its own cells (``params_of``), unless it is the only one.
    """
    usable = []
    for name in workspace.registry.names("methods") if "all" in asked else ():
        try:
            workspace.registry.get("methods", name)
            usable.append(name)
        except PluginError as error:
            workspace.progress.note(f"left out: {error}")
    return [read_method(text) for text in _chosen(asked, usable)]


def _settings(suite: Suite, model: str, request: Request, workspace: Workspace) -> ModelSettings:
    """Return a model's settings, the extractors named even where the suite leaves them to what is here."""
    plugins = _plugins(model, workspace)
    settings = model_settings(suite, model, request.dataset, request.overrides, request.settings, plugins)
    name_extractors(settings, workspace)
    if settings.evaluation.extractors is not None:
        return settings
    evaluation = settings.evaluation.model_copy(update={"extractors": workspace.usual_extractors(settings.dataset)})
    return settings.model_copy(update={"evaluation": evaluation})


def _plugins(model: str, workspace: Workspace) -> PluginFields:
    def extractors(dataset: str, named: Sequence[str] | None) -> list[str]:
        found = (trained_on(workspace.registry, name) for name in named or workspace.dataset(dataset).extractors)
        return [each.plugin for each in found if each is not None]

    return PluginFields(workspace.registry, model, lambda name: workspace.dataset(name).classifier, extractors)


def _features(request: Request, suite: Suite, settings: ModelSettings, workspace: Workspace) -> list[str]:
    dataset = workspace.dataset(settings.dataset)
    chosen = _chosen(request.features, settings.features or dataset.features or request.features)
    for feature in dict.fromkeys((*chosen, *(settings.features or ()))):
        if feature not in dataset.features:
            try:
                require_feature(dataset, settings.dataset, feature, tuple(_further(settings.dataset, workspace)))
            except UsageError as error:
                raise UsageError(f"{error}{_where_it_is(feature, request, suite, workspace)}") from error
    return chosen


def _where_it_is(feature: str, request: Request, suite: Suite, workspace: Workspace) -> str:
    """Return which models of the suite draw a feature, and how to remove one that only a person's clicks know."""
    models = [name for name, each in suite.models.items() if _knows(workspace, each.dataset, feature)]
    if models:
        return f" Models whose data set has it: --model {' or '.join(models)}."
    if request.feedback_file is not None:
        return " A feature that no data set knows is removed by clicks alone: --dataset own."
    return ""


def _knows(workspace: Workspace, dataset: str, feature: str) -> bool:
    """Say whether a data set has a feature; one that must read files to tell, and cannot, is left out."""
    try:
        return feature in workspace.dataset(dataset).features
    except BenchError:
        return False


def _asks(request: Request, method: str, workspace: Workspace) -> bool:
    """Say whether a method asks the oracle that clicks; one that does not load costs its own cells alone, later."""
    try:
        return asks_oracle(request.feedback_file, workspace.registry.get("methods", method, "--method").needs)
    except PluginError:
        return True


def _of_feature(settings: ModelSettings, feature: str, workspace: Workspace) -> ModelSettings:
    """Return the settings of a feature; one that the data set does not know is another's, of the same images."""
    if feature in workspace.dataset(settings.dataset).features:
        return settings
    return settings.model_copy(update={"dataset": _further(settings.dataset, workspace).get(feature, settings.dataset)})


def _further(dataset: str, workspace: Workspace) -> dict[str, str]:
    """Return the features that others know of a data set's images, each with the data set that does."""
    found: dict[str, str] = {}
    for name in workspace.registry.names("datasets"):
        with suppress(PluginError):
            plugin = workspace.registry.get("datasets", name)
            if issubclass(plugin, FurtherFeatures) and plugin.images_of == dataset:
                found |= dict.fromkeys(workspace.dataset(name).features, name)
    return found


def _trained_here(workspace: Workspace, model: str, settings: ModelSettings) -> str:
    """Return where weights are kept that are trained here, because none are shipped."""
    if workspace.dataset(settings.dataset).classifier is None:
        raise UsageError(
            f"--model {model}: no weights for this model. For your own generator, pass its weights and your clicks on "
            "its samples: --weights FILE --feedback FILE (bench zoo import and bench feedback make these files); or "
            "name the data set that it learns from: --dataset NAME."
        )
    return str(pretrained_path(workspace, recipe_of(model, settings)))
