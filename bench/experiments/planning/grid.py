"""Turn a user's request into cells: check names and values; load, train and write nothing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.core import limits
from bench.core.progress import Progress
from bench.errors import PluginError, UsageError
from bench.evaluation.without_oracle import require_feature
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.judgement import asks_oracle
from bench.experiments.cells.recipes import pretrained_path, recipe_of
from bench.experiments.cells.resolve import steps_of
from bench.experiments.cells.trained_here import name_extractors, with_oracles
from bench.experiments.planning.configurations import Configured, configurations
from bench.experiments.planning.features import chosen, further, knows, of_feature
from bench.workspace import manifest
from bench.workspace.settings.asked_methods import AskedMethod, read_method
from bench.workspace.settings.plugin_fields import PluginFields
from bench.workspace.settings.settings import model_settings
from bench.workspace.settings.suite_checks import require_fitting, require_variants
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
    require_variants(suite, request.suite, workspace.registry, request.methods)
    methods = _methods(request.methods, workspace)
    models = _models(request, suite, workspace)
    _require_sound(request, suite, models, methods, workspace)
    settings_of = {model: _settings(suite, model, request, workspace) for model in models}
    typed = read_assignments(request.params, "-p")
    try:
        params_of = configurations(methods, settings_of, typed, request.values, workspace)
    except UsageError:
        _require_sound(request, suite, models, methods, workspace, together=True)  # nobody typed what a suite says
        raise
    features_of = {
        model: _features(request, suite, model, settings, workspace) for model, settings in settings_of.items()
    }
    _require_few(params_of, features_of, len(request.seeds) * max(1, len(request.evaluate_at)))
    found: dict[tuple[str, ...], Cell] = {}
    for model, settings in settings_of.items():
        weights = request.weights or settings.weights or _trained_here(workspace, model, settings)
        own = {
            (asks, feature): with_oracles(of_feature(settings, feature, workspace), asks, workspace)
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


def _require_sound(
    request: Request,
    suite: Suite,
    models: Sequence[str],
    methods: Sequence[AskedMethod],
    workspace: Workspace,
    *,
    together: bool = False,
) -> None:
    """Raise UsageError for what the suite alone says wrongly of these models, so that no flag is blamed for it."""
    names = [each.name for each in methods]
    for model in models:
        if model in suite.models and request.dataset in (None, suite.models[model].dataset):
            require_fitting(suite, request.suite, _plugins(model, workspace), names, together=together)


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
    models = chosen(request.models, list(suite.models))
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
    return [read_method(text) for text in chosen(asked, usable)]


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
    def trained(extractor: str) -> str | None:
        found = trained_on(workspace.registry, extractor)
        return None if found is None else found.plugin

    return PluginFields(
        workspace.registry,
        model,
        lambda name: workspace.dataset(name).classifier,
        lambda name: workspace.dataset(name).extractors,
        trained,
    )


def _features(request: Request, suite: Suite, model: str, settings: ModelSettings, workspace: Workspace) -> list[str]:
    dataset, typed = workspace.dataset(settings.dataset), read_assignments(request.overrides, "--set")
    found = chosen(request.features, settings.features or dataset.features or request.features)
    from_suite = f"--suite {request.suite}: models.{model}.features"
    flags = dict.fromkeys(settings.features or (), "--set features" if "features" in typed else from_suite)
    flags |= dict.fromkeys((name for name in found if name in request.features), "--feature")
    for feature in dict.fromkeys((*found, *flags)):
        if feature not in dataset.features:
            flag = flags[feature]  # the data set's own are known
            others = tuple(further(settings.dataset, workspace))
            try:
                require_feature(dataset, settings.dataset, feature, others, flag)
            except UsageError as error:
                if flag != "--feature" or dataset.classifier is None:  # the name itself is wrong, or not typed
                    raise
                raise UsageError(f"{error}{_where_it_is(feature, request, suite, workspace)}") from error
    if "features" in typed and "all" not in request.features:
        raise UsageError("--set features: has no effect, since --feature names what runs. Leave one of the two out")
    return found


def _where_it_is(feature: str, request: Request, suite: Suite, workspace: Workspace) -> str:
    """Return which models of the suite draw a feature, and how to remove one that only a person's clicks know."""
    models = [name for name, each in suite.models.items() if knows(workspace, each.dataset, feature)]
    if models:
        return f" Models whose data set has it: --model {' or '.join(models)}."
    if request.feedback_file is not None:
        return " A feature that no data set knows is removed by clicks alone: --dataset own."
    return ""


def _asks(request: Request, method: str, workspace: Workspace) -> bool:
    """Say whether a method asks the oracle that clicks; one that does not load costs its own cells alone, later."""
    try:
        return asks_oracle(request.feedback_file, workspace.registry.get("methods", method, "--method").needs)
    except PluginError:
        return True


def _trained_here(workspace: Workspace, model: str, settings: ModelSettings) -> str:
    """Return where weights are kept that are trained here, because none are shipped."""
    if workspace.dataset(settings.dataset).classifier is None:
        raise UsageError(
            f"--model {model}: no weights for this model. For your own generator, pass its weights and your clicks on "
            "its samples: --weights FILE --feedback FILE (bench zoo import and bench feedback make these files); or "
            "name the data set that it learns from: --dataset NAME."
        )
    return str(pretrained_path(workspace, recipe_of(model, settings)))
