"""``bench pretrain``: train a model, a classifier or an extractor on its data set, and keep the weights."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from copy import deepcopy
from glob import escape
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.api import Dataset, Networks, Params, Trainable
from bench.api.context import Context
from bench.core import machine, resuming, together
from bench.core.progress import Progress
from bench.errors import CheckpointError, DataError, Interrupted, UsageError
from bench.experiments.cells.assignment import Places, Training
from bench.experiments.cells.recipes import (
    Recipe,
    checkpoint_of,
    configured,
    notes_on_images,
    pretrained_path,
    require_sound,
    split_of,
    starting_weights,
    with_settings,
)
from bench.toolkit.training import build, train
from bench.workspace import manifest
from bench.workspace.store.store import Store
from bench.workspace.weights import checkpoint, saving
from bench.workspace.weights.networks import fill, networks_of
from bench.workspace.workspace import Workspace


def pretrain_command(
    workspace: Workspace, recipe: Recipe, suite_name: str, params: Sequence[str], out: Path | None, ship: str | None
) -> Path:
    """Train with the settings of a suite and of the command line.

    Parameters
    ----------
    workspace : Workspace
    recipe : Recipe
        Without settings.
    suite_name : str
    params : sequence of str
        Settings as typed after ``-p``.
    out : Path, optional
        Weights file to write.
    ship : str, optional
        Name under which the weights are added to the zoo, in place of those that have it.

    Returns
    -------
    Path
        Of the weights.
    """
    recipe = with_settings(workspace, recipe, suite_name, params)
    command = _command(recipe, suite_name, params)
    for note in notes_on_images(workspace, recipe):
        workspace.progress.note(note)
    if ship is None:
        return pretrain(workspace, recipe, out, command)
    path = manifest.WEIGHTS / f"{ship}.safetensors"
    pretrain(workspace, recipe, path.with_suffix(".new.safetensors"), command).replace(path)
    description = f"{recipe.name} trained on {workspace.dataset(recipe.dataset).label}"
    manifest.add(ship, path, recipe.singular, description, f"{command} --ship {ship}")
    return path


def _require_same(path: Path, recipe: Recipe, config: Params, images: str | None) -> None:
    """Raise UsageError if an existing file holds other weights than the recipe makes."""
    stored = checkpoint.read(path)
    asked, found = config.model_dump(mode="json"), _fields(stored.description.get("config", {}), type(config))
    made = (recipe.name, recipe.dataset, recipe.seed)
    there = (stored.name, stored.description.get("dataset"), stored.description.get("seed"))
    if (there, found) == (made, asked):
        if images in (None, stored.description.get("data_sha256")):
            return
        raise UsageError(
            f"--out {path}: already holds weights that were made from other images of '{recipe.dataset}'. Remove the "
            "file, or name another one"
        )
    changed = ", ".join(sorted(name for name in asked if found.get(name) != asked[name])) if there == made else ""
    fields = f", with another {changed}" if changed else ""
    raise UsageError(
        f"--out {path}: already holds other weights: '{there[0]}' on '{there[1]}', seed {there[2]}{fields}. Remove the "
        "file, or name another one"
    )


def _fields(stored: Mapping[str, Any], config: type[Params]) -> Mapping[str, Any]:
    """Return the fields of stored weights; a field that is newer than they are has its default."""
    try:
        return config.model_validate(stored).model_dump(mode="json")
    except ValidationError:
        return stored


def pretrain(workspace: Workspace, recipe: Recipe, out: Path | None = None, command: str = "") -> Path:
    """Train, measure (``Trainable.assess``) and store; an interrupted training resumes, and a done one is not repeated.

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
    trainable, config = configured(workspace, recipe)
    path = out or pretrained_path(workspace, recipe)
    if path.exists():
        _require_same(path, recipe, config, _images(workspace, recipe))
        workspace.progress.note(f"{path}: already trained with these settings")
        return path
    Store(path.parent).require_writable("--out" if out else "--results")
    if (given := starting_weights(recipe)) is not None:
        networks_of(trainable, given, manifest.path_of(str(recipe.start)))  # raises unless the file is sound
    require_sound(workspace, recipe.dataset, split_of(workspace, recipe))
    source = workspace.dataset(recipe.dataset)
    networks, start = _begun(workspace, recipe)
    checkpoint = checkpoint_of(workspace, recipe, path).absolute()
    trained = resuming.phase_file(checkpoint, resuming.TRAINED)
    if (made := _restored(trained, networks, workspace.progress)) is None:
        told = Training(places=Places.of(workspace), recipe=vars(recipe), checkpoint=checkpoint).model_dump_json()
        with together.offered("bench.experiments.execution.assisting:train_generator", told):
            made = _train(workspace, recipe, trainable, networks, checkpoint)
        resuming.save(trained, {"state": _state(networks), "made": json.dumps(made)})
    measured = trainable.assess(networks, source)
    _tell_accuracy(measured, source, workspace.progress)
    if recipe.singular == "classifier" and not measured:
        workspace.progress.note("No accuracy: the test split is empty, or the classifier measures nothing on it")
    description = {**start, **made, "command": command, **measured}
    saving.save_networks(path, recipe.singular, recipe.name, networks, description, half=recipe.half)
    for begun in path.parent.glob(f"{escape(path.stem)}.*.checkpoint*.pt"):  # with other settings too
        resuming.forget(begun)
    return path


def take_part(workspace: Workspace, recipe: Recipe, checkpoint: Path) -> None:
    """Train as another process of ``torchrun`` does, and keep nothing."""
    trainable, _ = configured(workspace, recipe)
    _train(workspace, recipe, trainable, _begun(workspace, recipe)[0], checkpoint)


def _begun(workspace: Workspace, recipe: Recipe) -> tuple[Networks[Any], dict[str, Any]]:
    """Return the networks as the training begins, and what to store about the weights that it starts from."""
    trainable, config = configured(workspace, recipe)
    networks: Networks[Any] = build(trainable, config, _stream(recipe))
    start = _fill(networks, recipe)
    for module in networks.modules().values():
        module.to(workspace.device)
    return networks, start


def _state(networks: Networks[Any]) -> dict[str, Any]:
    return {name: module.state_dict() for name, module in networks.modules().items()}


def _restored(trained: Path, networks: Networks[Any], progress: Progress) -> dict[str, Any] | None:
    """Load what was trained and not measured; return what to store about the training, None if there is nothing."""
    if not trained.exists():
        return None
    before = deepcopy(_state(networks))
    try:
        stored = resuming.load(trained)
        made: dict[str, Any] = json.loads(stored["made"])
        _load(networks, stored["state"])
    except (resuming.Unusable, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        _load(networks, before)
        progress.note(f"{trained}: cannot be used ({type(error).__name__}); training again")
        return None
    for module in networks.modules().values():
        module.eval().requires_grad_(False)
    progress.note(f"{trained}: is trained already; it is measured now")
    return made


def _load(networks: Networks[Any], state: Mapping[str, Any]) -> None:
    for name, module in networks.modules().items():
        module.load_state_dict(state[name])


def _images(workspace: Workspace, recipe: Recipe) -> str | None:
    """Return the identity of the images that a recipe learns from; None if they are not here."""
    try:
        return workspace.dataset(recipe.dataset).identity(split_of(workspace, recipe))
    except DataError:
        return None


def _stream(recipe: Recipe) -> str:
    return f"pretrain/{recipe.name}/{recipe.seed}"


def _fill(networks: Networks[Any], recipe: Recipe) -> dict[str, Any]:
    """Load the weights that a recipe starts from, if any; return what to store about them."""
    start = starting_weights(recipe)
    if start is None or recipe.start is None:
        return {}
    try:
        fill(networks, start, manifest.path_of(recipe.start))
    except CheckpointError as error:
        raise CheckpointError(f"--from {error}. What is given with -p must leave the architecture alone") from error
    return {"start": {"sha256": start.sha256, **start.description}}


def _train(
    workspace: Workspace, recipe: Recipe, trainable: Trainable[Any], networks: Networks[Any], checkpoint: Path
) -> dict[str, Any]:
    """Train networks in place; return what to store about the training."""
    source, config = workspace.dataset(recipe.dataset), networks.config
    split = source.split(split_of(workspace, recipe))
    context = Context(
        stream=_stream(recipe),
        device=workspace.device,
        checkpoint=checkpoint,
        progress=workspace.progress,
        label=f"pretrain {recipe.name}",
    )
    with machine.measured() as timing:
        try:
            train(trainable, networks, split, context, epochs=config.epochs, batch_size=config.batch_size)
        except Interrupted as error:
            raise Interrupted(f"{error}; {checkpoint} holds the training so far") from error
    timing["seconds"] = round(timing["seconds"] + context.seconds_before, 3)
    return {
        "dataset": recipe.dataset,
        "data": source.label,
        "data_sha256": split.sha256,
        "seed": recipe.seed,
        "timing": timing,
        "final": context.history[-1],
        "made_by": machine.provenance(workspace.device),
    }


def _tell_accuracy(measured: Mapping[str, Any], source: Dataset, progress: Progress) -> None:
    for feature, found in measured.get("accuracy", {}).items():
        if feature in source.features:
            accuracy, count = found["balanced_accuracy"], found["n"]
            absent = f"no balanced accuracy, since all or none of the {count} test images have it"
            told = absent if accuracy is None else f"balanced accuracy {accuracy} on {count} test images"
            progress.note(f"{feature}: {told}")


def _command(recipe: Recipe, suite_name: str, params: Sequence[str]) -> str:
    """Return what to type to train this from the beginning, one command per training; where to write is left out."""
    words = ["bench", "pretrain", recipe.option, recipe.name, "--dataset", recipe.dataset, "--seed", str(recipe.seed)]
    words += ["--suite", suite_name] if suite_name != "lite" else []
    words += [word for param in params for word in ("-p", param)]
    words += ["--half"] if recipe.half else []
    if recipe.start is None:
        return shlex.join(words)
    earlier = _earlier_commands(recipe)
    if not earlier:
        return shlex.join([*words, "--from", recipe.start])
    start = f"start-{len(earlier)}.safetensors"
    return " && ".join([*earlier[:-1], f"{earlier[-1]} --out {start}", shlex.join([*words, "--from", start])])


def _earlier_commands(recipe: Recipe) -> list[str]:
    """Return the commands that made the weights a recipe starts from; none if they are not known."""
    start, shipped = starting_weights(recipe), manifest.entries().get(recipe.start or "")
    told = start.description.get("command") if start else None
    if not told and shipped is not None:
        told = shipped.command.partition(" --ship ")[0]
    return told.split(" && ") if isinstance(told, str) and told else []
