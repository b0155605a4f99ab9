"""``bench serve``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bench.cli.options import data_dir, file_named, no_file, open_registry, params, plugins, results_folder, suite
from bench.core.limits import PAGE
from bench.errors import UsageError


@click.command("serve")
@click.argument("model", required=False)
@click.option("--feature", metavar="NAME", required=True, help="Feature to unlearn; any name, if no oracle is used.")
@click.option(
    "--also", metavar="NAME[,NAME...]", default="", help="Further attributes to click on, to keep them (Male)."
)
@click.option("--count", type=click.IntRange(2, PAGE), default=500, show_default=True, help="Samples to show.")
@click.option("--weights", metavar="NAME|FILE", help="Weights of the generator: a zoo name or a file.")
@click.option("--stream", default="feedback/0", show_default=True, help="Random stream of the samples.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=no_file(file_named),
    help="Folder of the clicks.  [default: results/clicks/MODEL-FEATURE]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port; 0 is any free one.")
@click.option("--open", "browse", is_flag=True, help="Open the page in the browser.")
@params
@suite
@click.option(
    "--dataset", metavar="NAME", help="Data set whose oracle judges the run (default: the suite's; else own)."
)
@results_folder
@click.option("--device", metavar="DEVICE", default="auto", show_default=True, help="Device to compute on.")
@data_dir
@plugins
def command(model: str | None, host: str, port: int, browse: bool, device: str, **asked: Any) -> int:
    """Serve a page on which a person clicks the feature to remove, and which runs the unlearning.

    MODEL is a model of the suite (proggan), or that of --weights. Stop with Ctrl-C. Every click is kept: run the same
    command again to resume.
    """
    from bench.feedback.page import serving

    serving.require_installed()
    registry = open_registry(asked["plugins"])
    from bench.core.machine import choose_device
    from bench.feedback.page import session
    from bench.workspace.store.store import Store
    from bench.workspace.workspace import Workspace

    weights, name, dataset = _generator(registry, model, asked)
    folder = asked["out"] or Path("results/clicks") / f"{name}-{asked['feature']}"
    also = [part.strip() for part in asked["also"].split(",") if part.strip()]
    wanted = session.ClickRequest(weights, name, asked["feature"], also, asked["count"], asked["stream"], folder)
    session.require_names(wanted.feature, also)
    store, chosen = Store(asked["results"]), choose_device(device)
    store.require_folder()
    store.require_writable()
    workspace = Workspace(registry, store, chosen, asked["data_dir"])
    methods = _fitting(session.methods_of(registry), wanted, dataset, workspace, asked)
    with serving.listening(host, port) as listening, serving.held(folder):
        desk = session.opened(wanted, registry, chosen)
        command = _run(wanted, weights, dataset, desk.file, device, asked)
        desk.running = session.running_in(folder, store, registry, chosen, methods, command)
        address = serving.address_of(listening)
        click.echo(f"{address}  ({wanted.count} samples of {name}; clicks in {folder}; stop with Ctrl-C)")
        if browse:
            click.launch(address)
        try:
            serving.serve(desk, listening, serving.rules_for(host))
        except KeyboardInterrupt:  # the way to stop it
            click.echo(f"Stopped. The clicks are in {folder}; run the same command again to resume.", err=True)
        finally:
            desk.running.runs.stop()
    return 0


def _generator(registry: Any, model: str | None, asked: dict[str, Any]) -> tuple[str, str, str]:
    """Return weights, model and data set: what was named, else the suite's; own clicks alone if no oracle knows."""
    from bench.errors import suggestion, unknown
    from bench.workspace.settings.suites import NO_DATASET, load_suite
    from bench.workspace.weights import loading

    models = load_suite(asked["suite"]).models
    if asked["weights"] is None:
        if model is None:
            raise UsageError("Missing argument 'MODEL': name a model of the suite, or pass --weights FILE")
        shipped = {name: each.weights for name, each in models.items() if each.weights}
        if model not in shipped:
            raise unknown("model", model, shipped, "MODEL")
        weights = shipped[model]
    else:
        weights = str(asked["weights"])
    name = loading.load_original(registry, weights, model).model_name
    dataset = asked["dataset"] or (models[name].dataset if name in models else NO_DATASET)
    features = registry.get("datasets", dataset, "--dataset")(asked["data_dir"]).features
    if dataset != NO_DATASET and asked["feature"] not in features and asked["dataset"] is None:
        alone = f"--feature {asked['feature']}: '{dataset}' has no such feature, so your clicks alone can judge it."
        click.echo(f"{alone} {suggestion(asked['feature'], features)}", err=True)
        dataset = NO_DATASET
    return weights, name, dataset


def _fitting(
    methods: Mapping[str, bool], wanted: Any, dataset: str, workspace: Any, asked: dict[str, Any]
) -> dict[str, bool]:
    """Return the methods that support the model and accept the values of -p and --set.

    Raises the error of `bench run` if none does.
    """
    from bench.experiments.cells.resolve import unsupported
    from bench.experiments.planning import effects, grid

    fitting, wrong = {}, []
    for method, keeps in methods.items():
        request = grid.Request(
            [method], [wanted.model], [wanted.feature], params=asked["params"], overrides=asked["overrides"],
            suite=asked["suite"], dataset=dataset, weights=wanted.weights,
        )  # fmt: skip
        try:
            cells = effects.cells_of_one(request, workspace)
        except UsageError as error:
            wrong.append(error)
            continue
        if not any(unsupported(cell, workspace) for cell in cells):
            fitting[method] = keeps
    if wrong and not fitting:
        raise wrong[0]
    return fitting


def _run(wanted: Any, weights: str, dataset: str, file: Path, device: str, asked: dict[str, Any]) -> list[str]:
    """Return the command line of the run that the page starts, without the method."""
    options = {
        "--model": wanted.model, "--feature": wanted.feature, "--feedback": file, "--weights": weights,
        "--dataset": dataset, "--suite": asked["suite"], "--results": asked["results"], "--device": device,
        "--data-dir": asked["data_dir"],
    }  # fmt: skip
    found = [str(part) for name, value in options.items() if value is not None for part in (name, value)]
    for folder in asked["plugins"]:
        found += ["--plugins", str(folder)]
    for flag, values in (("--set", asked["overrides"]), ("-p", asked["params"])):
        found += [part for value in values for part in (flag, value)]
    return found
