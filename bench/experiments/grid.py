"""Many cells: resolve what was asked for, and run it. What is run and for how long: ``plan.py``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_origin

from bench.errors import (
    EXIT_NOTHING,
    EXIT_OK,
    EXIT_SOME_FAILED,
    BenchError,
    CheckpointError,
    PluginError,
    UsageError,
    unknown,
)
from bench.evaluation.without_oracle import require_feature
from bench.experiments import pretrain as pretraining
from bench.experiments.cell import Cell, Run
from bench.experiments.plan import Overwrite, Planned, is_to_be_trained, lacking, require_weights
from bench.workspace import manifest
from bench.workspace.store import Record
from bench.workspace.suites import ModelSettings, Suite, load_suite, method_params, model_settings, parse_assignments
from bench.workspace.workspace import Workspace

Weights = Literal["made", "required", "named"]


@dataclass(frozen=True)
class Request:
    """What a user asks for; lists make a grid, ``["all"]`` is everything there is."""

    methods: Sequence[str]
    models: Sequence[str]
    features: Sequence[str] = ("all",)
    seeds: Sequence[int] = (0,)
    params: Sequence[str] = ()
    suite: str = "lite"
    dataset: str | None = None
    overrides: Sequence[str] = ()
    weights: str | None = None
    feedback_file: Path | None = None


def cells(request: Request, workspace: Workspace, *, weights: Weights = "made") -> list[Cell]:
    """Resolve a request into cells; every name and value is checked before anything runs.

    Parameters
    ----------
    request : Request
    workspace : Workspace
    weights : {"made", "required", "named"}
        What is done where a model's weights are not there: train it, raise, or nothing (for a plan).

    Raises
    ------
    UsageError
        Unknown names (with the nearest match), wrong values (all at once), a feature the data set lacks.
    """
    if request.weights is not None:
        manifest.path_of(request.weights)  # raises unless it is there
    suite = load_suite(request.suite)
    methods = _methods(request.methods, workspace)
    models = _chosen(request.models, list(suite.models))
    if request.dataset is not None:
        workspace.registry.source("datasets", request.dataset, "--dataset")
    for model in models:
        if model not in suite.models:
            workspace.registry.source("models", model, "--model")
        elif request.dataset not in (None, suite.models[model].dataset):
            workspace.progress.note(
                f"--dataset {request.dataset}: what suite '{suite.name}' says of '{model}' is for "
                f"'{suite.models[model].dataset}'; counts and hyper-parameters are the defaults (--set, -p)"
            )
    settings_of = {model: _settings(suite, model, request, workspace) for model in models}
    params_of = _params(methods, settings_of, parse_assignments(request.params), workspace)
    features_of = {model: _features(request, settings, workspace) for model, settings in settings_of.items()}
    found = []
    for model, settings in settings_of.items():
        file = request.weights or settings.weights or _trained_here(workspace, model, settings)
        trainable = weights == "made" and settings.weights is None
        if weights != "named" and request.weights is None and not trainable:
            require_weights(model, file, settings, request.suite)
        for feature in features_of[model]:
            for method in methods:
                for params in params_of[model, method]:
                    for seed in request.seeds:
                        found.append(
                            Cell(
                                suite.name,
                                method,
                                model,
                                feature,
                                seed,
                                params,
                                settings,
                                file,
                                request.feedback_file,
                            )
                        )
    if weights == "made" and request.weights is None:
        for cell in {cell.model: cell for cell in found if is_to_be_trained(cell)}.values():
            _train(cell, workspace, request.suite)
    return found


def execute(
    planned: Iterable[Planned], workspace: Workspace, overwrite: Overwrite, report: Callable[[Planned, Record], None]
) -> int:
    """Run a plan cell by cell; a failed cell stops no other. Returns the exit code."""
    statuses, found = [], list(planned)
    for item in found:
        if item.action == "cached":
            record = workspace.store.read(item.run.folder)
            assert record is not None
        else:
            if overwrite == "always":
                _forget(workspace, item.run)
            try:
                record = item.run.run()
            except BenchError as error:
                if len(found) == 1:
                    raise
                workspace.progress.note(f"Error: {item.run.folder.name}: {error}")
                statuses.append("failed")
                continue
        statuses.append(record.status)
        report(item, record)
    if not statuses:
        return EXIT_NOTHING
    return EXIT_OK if all(status in ("ok", "skipped") for status in statuses) else EXIT_SOME_FAILED


def _forget(workspace: Workspace, run: Run) -> None:
    folder = workspace.store.stage("unlearn", run.keys.unlearn)
    (run.folder / "result.json").unlink(missing_ok=True)
    with workspace.store.locked(folder):
        for name in ("unlearned.safetensors", "checkpoint.pt"):
            (folder / name).unlink(missing_ok=True)


def _chosen(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    return list(known) if list(asked) == ["all"] else list(dict.fromkeys(asked))


def _methods(asked: Sequence[str], workspace: Workspace) -> list[str]:
    """Return the methods asked for; ``all`` leaves out those that do not load, and says so."""
    chosen = _chosen(asked, workspace.registry.names("methods"))
    if list(asked) != ["all"]:
        return chosen
    loaded = []
    for name in chosen:
        try:
            workspace.registry.get("methods", name)
            loaded.append(name)
        except PluginError as error:
            workspace.progress.note(f"left out: {error}")
    return loaded


def _settings(suite: Suite, model: str, request: Request, workspace: Workspace) -> ModelSettings:
    """Return a model's settings, the extractors named even where the suite leaves them to the data set."""
    settings = model_settings(suite, model, request.dataset, request.overrides)
    if settings.evaluation.extractors is not None:
        return settings
    evaluation = settings.evaluation.model_copy(update={"extractors": workspace.dataset(settings.dataset).extractors})
    return settings.model_copy(update={"evaluation": evaluation})


def _features(request: Request, settings: ModelSettings, workspace: Workspace) -> list[str]:
    dataset = workspace.dataset(settings.dataset)
    chosen = _chosen(request.features, settings.features or dataset.features or request.features)
    for feature in chosen:
        require_feature(dataset, settings.dataset, feature)
    return chosen


def _params(
    methods: Sequence[str],
    settings_of: Mapping[str, ModelSettings],
    grid: Mapping[str, Sequence[Any]],
    workspace: Workspace,
) -> dict[tuple[str, str], list[Any]]:
    """Return the configurations to run by (model, method); reports everything that is wrong with ``-p`` at once."""
    fields = {
        name for method in methods for name in workspace.registry.get("methods", method, "--method").Config.model_fields
    }
    wrong = [
        str(unknown("parameter", name, fields, f"-p (methods {', '.join(methods)})"))
        for name in grid
        if name not in fields
    ]
    found = {}
    for model, method in itertools.product(settings_of, methods):
        try:
            found[model, method] = _param_grid(method, settings_of[model], grid, workspace)
        except UsageError as error:
            wrong.append(str(error))
    if wrong:
        raise UsageError("\n".join(dict.fromkeys(wrong)))
    return found


def _param_grid(
    method: str, settings: ModelSettings, grid: Mapping[str, Sequence[Any]], workspace: Workspace
) -> list[Any]:
    config = workspace.registry.get("methods", method, "--method").Config
    fields = config.model_fields
    own = {  # a field that is a list takes the whole comma list, as one value
        name: [tuple(values)] if get_origin(fields[name].annotation) is tuple else values
        for name, values in grid.items()
        if name in fields
    }
    defaults = settings.methods.get(method, {})
    return [
        method_params(config, defaults, dict(zip(own, values, strict=True)), method)
        for values in itertools.product(*own.values())
    ]


def _trained_here(workspace: Workspace, model: str, settings: ModelSettings) -> str:
    """Return where weights are kept that are trained here, because none are shipped."""
    if workspace.dataset(settings.dataset).classifier is None:
        raise UsageError(
            f"--model {model}: nothing is known of its weights. For a generator of your own name them, and your clicks "
            "on its samples: --weights FILE --feedback FILE (bench zoo import makes the one, bench feedback the "
            "other); or name the data set it learns from: --dataset NAME."
        )
    return str(pretraining.pretrained_path(workspace, _recipe(model, settings)))


def _train(cell: Cell, workspace: Workspace, suite: str) -> None:
    """Train a cell's generator, unless its evaluation would fail afterwards for want of something."""
    (missing,) = lacking([cell], workspace, suite, but="weights")
    if missing:
        raise CheckpointError("\n".join(missing))
    model, settings = cell.model, cell.settings
    workspace.progress.note(
        f"no weights are shipped for '{model}': it is trained on '{settings.dataset}' (--weights FILE avoids it)"
    )
    pretraining.pretrain(workspace, _recipe(model, settings))


def _recipe(model: str, settings: ModelSettings) -> pretraining.Recipe:
    return pretraining.Recipe("models", model, settings.dataset, settings.pretrain)
