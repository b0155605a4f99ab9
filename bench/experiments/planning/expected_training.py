"""How long trainings should take: from how far one is, from one like it that ended here, or from the shipped times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any

from bench.core import resuming
from bench.core.reading import read_toml
from bench.core.remembered import remembered
from bench.errors import BenchError, CheckpointError, DataError
from bench.experiments.cells.cell import Cell, Place
from bench.experiments.cells.recipes import Recipe, checkpoint_of, configured, images_here, recipe_of, split_of
from bench.experiments.planning.expected import Expected, expected_cell
from bench.workspace.store.record import Record
from bench.workspace.weights import checkpoint
from bench.workspace.workspace import Workspace

TIMES = Path(__file__).parent / "expected_trainings.toml"
NO_IMAGES = "its images are not here"
RETRAIN = "retrain"
FREE = frozenset({"epochs", "attributes", "features"})  # fields that change the number of steps or follow from the data


def expected_training(workspace: Workspace, recipe: Recipe, weights: str) -> Expected:
    """Estimate the time that a training still takes; unknown if the images are not here.

    Parameters
    ----------
    workspace : Workspace
    recipe : Recipe
    weights : str
        The file that it writes.
    """
    try:
        config = configured(workspace, recipe)[1]
        images = images_here(workspace, recipe.dataset, split_of(workspace, recipe))
        begun = checkpoint_of(workspace, recipe, Path(weights))
    except DataError:  # which file, is told elsewhere
        return Expected(None, NO_IMAGES)
    except BenchError:  # what is missing is told elsewhere
        return Expected(None, "never measured")
    steps = max(1, round(config.epochs * max(1, images // config.batch_size)))
    return (
        _resumed(begun, steps)
        or _measured_here(recipe, config.model_dump(mode="json"), Path(weights), steps)
        or _shipped(recipe, steps)
        or Expected(None, "never measured")
    )


def expected_embeddings(workspace: Workspace, dataset: str) -> Expected:
    """Estimate the time of embedding a data set's images, for FID."""
    per_image = _times().get("embeddings", {}).get(dataset)
    try:
        images = images_here(workspace, dataset, workspace.dataset(dataset).training_split)
    except DataError:
        return Expected(None, NO_IMAGES)
    return Expected(None, "never measured") if per_image is None else Expected(per_image * images, _times()["basis"])


def expected_retraining(workspace: Workspace, cell: Cell, past: Sequence[Record]) -> Expected | None:
    """Estimate the time of ``retrain``: its steps at the pace of the generator's training, and an evaluation.

    Returns
    -------
    Expected or None
        None for another method, or if either is not known.
    """
    if cell.method != RETRAIN:
        return None
    params = cell.params.model_dump()
    training = _retraining(workspace, cell.place, params["epochs"], params["batch_size"])
    original = workspace.registry.get("methods", "original", "--method").Config()
    rest = expected_cell(replace(cell, method="original", params=original, step=None), workspace, past)
    if training is None or training.seconds is None or rest.seconds is None:
        return None
    return Expected(training.seconds + rest.seconds, f"{training.basis}; steps of retraining at that pace")


@remembered
def _retraining(workspace: Workspace, place: Place, epochs: float, batch_size: int | None) -> Expected | None:
    recipe = recipe_of(place.model, place.settings)
    try:
        config = configured(workspace, recipe)[1]
        name = split_of(workspace, recipe)
        left = images_here(workspace, recipe.dataset, name)
        source = workspace.dataset(recipe.dataset)
        has = source.has_feature(source.split(name).attributes, place.feature)
    except BenchError:  # what is missing is told elsewhere
        return None
    left -= 0 if has is None else int(has.sum())
    size = batch_size or config.batch_size
    steps = max(1, round(epochs * max(1, left // size) * size / config.batch_size))
    return _measured_here(recipe, config.model_dump(mode="json"), Path(place.weights), steps) or _shipped(recipe, steps)


def _resumed(begun: Path, steps: int) -> Expected | None:
    """Estimate what is left of a stopped training at its pace so far."""
    if resuming.phase_file(begun, resuming.TRAINED).exists():
        return Expected(0.0, "it is trained, and is only measured")
    if not begun.exists():
        return None
    with suppress(resuming.Unusable, KeyError, TypeError, ValueError):
        stored = resuming.load(begun)
        done, seconds = int(stored["done"]), float(stored["seconds"])
        if 0 < done <= steps:
            return Expected(seconds / done * (steps - done), f"the pace of its first {done:,} of {steps:,} steps")
    return None


def _measured_here(recipe: Recipe, config: Mapping[str, Any], weights: Path, steps: int) -> Expected | None:
    """Scale the time of a training of the same networks on the same data set, whose weights lie next to these."""
    for stored in _alike(recipe, weights):
        said = stored.description
        made = {name: value for name, value in said.get("config", {}).items() if name not in FREE}
        took, done = said.get("timing", {}).get("seconds"), said.get("final", {}).get("step")
        same = made == {name: value for name, value in config.items() if name not in FREE}
        if same and said.get("dataset") == recipe.dataset and took and done is not None:
            return Expected(took / (done + 1) * steps, "a training of the same networks here")
    return None


def _alike(recipe: Recipe, weights: Path) -> Iterator[checkpoint.Checkpoint]:
    for path in sorted(weights.parent.glob(f"{escape(recipe.name)}-{escape(recipe.dataset)}-*.safetensors")):
        with suppress(CheckpointError):
            yield checkpoint.read(path)


def _shipped(recipe: Recipe, steps: int) -> Expected | None:
    """Scale a shipped time of the same networks on the same data set."""
    settings = {name: value for name, value in recipe.settings.items() if name not in FREE}
    for each in _times().get("trainings", ()):
        same = (each["kind"], each["name"], each["dataset"]) == (recipe.kind, recipe.name, recipe.dataset)
        if same and each["settings"] == settings:
            return Expected(each["seconds_per_step"] * steps, _times()["basis"])
    return None


@cache
def _times() -> dict[str, Any]:
    return read_toml(TIMES)
