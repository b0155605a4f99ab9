"""``bench pretrain``: train a model, a classifier or an extractor on its data set, and keep the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.api import Networks, Pretrained, Trainable
from bench.api.context import Context
from bench.core import code_hash, machine
from bench.errors import CheckpointError, UsageError
from bench.hookspecs import kind_named
from bench.toolkit.training import build, train
from bench.workspace import checkpoint, loading, manifest, saving
from bench.workspace.checkpoint import Checkpoint
from bench.workspace.store import Store
from bench.workspace.suites import ModelSettings, load_suite, validated
from bench.workspace.values import read_assignments, values_of
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what, and how.

    Attributes
    ----------
    kind : str
        The plural: "models", "classifiers" or "extractors".
    name, dataset : str
        Registered names.
    settings : dict
        Fields of the plug-in's Config.
    seed : int
        Of initial weights, image order and training noise.
    start : str, optional
        Weights to go on from (zoo name or file), whose configuration ``settings`` change; fresh ones by default.
    half : bool
        Store what has two or more dimensions as float16: half the file, for shipping.
    """

    kind: str
    name: str
    dataset: str
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    start: str | None = None
    half: bool = False

    @property
    def singular(self) -> str:
        """What the weights are called: "model", for instance."""
        return kind_named(self.kind).singular

    @property
    def option(self) -> str:
        """The option that names the plug-in: ``--model``, ``--classifier`` or ``--extractor``."""
        return f"--{self.singular}"


def recipe_of(model: str, settings: ModelSettings) -> Recipe:
    """Return how a suite trains a model's generator."""
    return Recipe("models", model, settings.dataset, settings.pretrain)


def configured(workspace: Workspace, recipe: Recipe) -> tuple[Trainable[Any], Any]:
    """Return the plug-in and its configuration for a data set, with the recipe's settings applied."""
    plugin_class = _trainable(workspace, recipe)
    plugin = plugin_class()
    source = workspace.dataset(recipe.dataset)
    if source.classifier is None:
        raise UsageError(f"--dataset {recipe.dataset}: has no images to learn from; name another one")
    fields = plugin.dataset_fields(source) if recipe.start is None else _started(recipe).description["config"]
    flag = f"-p ({recipe.singular} '{recipe.name}')"
    return plugin, validated(plugin_class.Config, {**fields, **recipe.settings}, flag)


def _trainable(workspace: Workspace, recipe: Recipe) -> type[Trainable[Any]]:
    """Return the plug-in's class; raises UsageError if it cannot be trained here."""
    plugin_class = workspace.registry.get(recipe.kind, recipe.name, recipe.option)
    if not issubclass(plugin_class, Trainable) or issubclass(plugin_class, Pretrained):
        raise UsageError(f"{recipe.option} {recipe.name}: has no training recipe")
    return plugin_class


def pretrained_path(workspace: Workspace, recipe: Recipe) -> Path:
    """Return where the weights of a recipe are kept."""
    trainable, config = configured(workspace, recipe)
    code = code_hash.code_of(build, train, type(trainable))
    parts = [recipe.kind, recipe.name, recipe.dataset, config.model_dump(mode="json"), code]
    key = code_hash.digest([*parts, recipe.seed, recipe.half, _started(recipe).sha256 if recipe.start else None])
    return workspace.store.root.parent / "pretrained" / f"{recipe.name}-{recipe.dataset}-{key[:8]}.safetensors"


def pretrain(workspace: Workspace, recipe: Recipe, out: Path | None = None, command: str = "") -> Path:
    """Train, measure (``Trainable.assess``) and store; an interrupted training goes on where it was.

    Parameters
    ----------
    workspace : Workspace
    recipe : Recipe
    out : Path, optional
        Where to write; ``<results>/../pretrained/`` by default.
    command : str
        What makes these weights again, kept with them.

    Returns
    -------
    Path
        Of the weights; nothing is trained if they are already there.
    """
    kind, name = recipe.kind, recipe.name
    trainable, config = configured(workspace, recipe)
    path = out or pretrained_path(workspace, recipe)
    if path.exists():
        workspace.progress.note(f"{path} is already there")
        return path
    Store(path.parent).require_writable("--out" if out else "--results")
    stream = f"pretrain/{name}/{recipe.seed}"
    networks: Networks[Any] = build(trainable, config, stream)
    made: dict[str, Any] = {}
    if recipe.start is not None:
        earlier = _started(recipe)
        try:
            loading.fill(networks, earlier, manifest.path_of(recipe.start))
        except CheckpointError as error:
            raise CheckpointError(f"--from {error}. What is given with -p must leave the architecture alone") from error
        made["start"] = {"sha256": earlier.sha256, **earlier.description}
    for module in networks.modules().values():
        module.to(workspace.device)
    context = Context(
        stream=stream,
        device=workspace.device,
        checkpoint=path.with_suffix(".checkpoint.pt"),
        progress=workspace.progress,
        label=f"pretrain {name}",
    )
    source = workspace.dataset(recipe.dataset)
    split = source.split(source.training_split if kind == "models" else "train")
    with machine.measured() as timing:
        train(trainable, networks, split, context, epochs=config.epochs, batch_size=config.batch_size)
    timing["seconds"] = round(timing["seconds"] + context.seconds_before, 3)
    measured = trainable.assess(networks, source)
    for feature, found in measured.get("accuracy", {}).items():
        if feature in source.features:
            workspace.progress.note(
                f"{feature}: balanced accuracy {found['balanced_accuracy']} on {found['n']} test images"
            )
    made |= {
        "dataset": recipe.dataset,
        "data": source.label,
        "seed": recipe.seed,
        "data_sha256": split.sha256,
        "command": command,
        "timing": timing,
        "final": context.history[-1],
        "made_by": machine.provenance(workspace.device),
        **measured,
    }
    saving.save_networks(path, recipe.singular, name, networks, made, half=recipe.half)
    path.with_suffix(".checkpoint.pt").unlink(missing_ok=True)
    return path


def _started(recipe: Recipe) -> Checkpoint:
    """Return the weights that a recipe goes on from."""
    assert recipe.start is not None
    path = manifest.path_of(recipe.start)
    stored = checkpoint.read(path)
    if not stored.holds(recipe.singular, recipe.name):
        wanted = f"{recipe.singular} '{recipe.name}'"
        raise CheckpointError(f"--from {recipe.start}: holds the {stored.kind} '{stored.name}', not the {wanted}")
    return stored


def pretrain_command(
    workspace: Workspace, recipe: Recipe, suite_name: str, params: Sequence[str], out: Path | None, ship: str | None
) -> Path:
    """Apply the suite's and the command line's settings, train, and enter the weights in the zoo if asked to.

    ``ship`` replaces weights shipped under that name.
    """
    suite = load_suite(suite_name)
    settings: dict[str, Any] = {}
    if recipe.kind == "models" and recipe.name in suite.models:
        settings = dict(suite.models[recipe.name].pretrain) if recipe.start is None else {}
        recipe = replace(recipe, dataset=recipe.dataset or suite.models[recipe.name].dataset)
    if not recipe.dataset:
        known = ", ".join(workspace.registry.names("datasets"))
        raise UsageError(f"--dataset: name the data set to train '{recipe.name}' on: {known}")
    config = _trainable(workspace, recipe).Config
    recipe = replace(recipe, settings=settings | values_of(config, read_assignments(params, "-p"), "-p"))
    command = _command(recipe, suite_name, params)
    if ship is None:
        return pretrain(workspace, recipe, out, command)
    path = manifest.WEIGHTS / f"{ship}.safetensors"
    made = pretrain(workspace, recipe, path.with_suffix(".new.safetensors"), command)
    made.replace(path)
    description = f"{recipe.name} trained on {workspace.dataset(recipe.dataset).label}"
    manifest.add(ship, path, recipe.singular, description, f"{command} --ship {ship}")
    return path


def _command(recipe: Recipe, suite_name: str, params: Sequence[str]) -> str:
    """Return what to type to train this, from the beginning: without where the outcome goes."""
    options = ["" if suite_name == "lite" else f" --suite {suite_name}", *(f" -p {p}" for p in params)]
    command = f"bench pretrain {recipe.option} {recipe.name} --dataset {recipe.dataset} --seed {recipe.seed}"
    command += "".join(options) + (" --half" if recipe.half else "")
    if recipe.start is None:
        return command
    shipped = manifest.entries().get(recipe.start)
    first = _started(recipe).description.get("command") or (shipped.command.split(" --ship ")[0] if shipped else "")
    if not first:
        return f"{command} --from {recipe.start}"
    start = f"start-{first.count(' --from ') + 1}.safetensors"
    return f"{first} --out {start} && {command} --from {start}"
