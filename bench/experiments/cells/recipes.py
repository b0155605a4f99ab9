"""Recipes of ``bench pretrain``: the plug-in to train, its data set and settings, and its weights file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.api import Pretrained, Trainable
from bench.core import code_hash
from bench.errors import CheckpointError, DataError, UsageError, WrongData
from bench.evaluation.images import images_identity
from bench.hookspecs import kind_named
from bench.toolkit.training import build, train
from bench.workspace import manifest
from bench.workspace.settings.suite_checks import require_recipe
from bench.workspace.settings.suites import NO_DATASET, ModelSettings, load_suite
from bench.workspace.settings.validation import validated
from bench.workspace.settings.values import read_assignments, values_of
from bench.workspace.store.store import DIGITS
from bench.workspace.weights import checkpoint
from bench.workspace.weights.checkpoint import Checkpoint
from bench.workspace.weights.networks import config_of
from bench.workspace.weights.oracles import ROLES
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Recipe:
    """One training: the plug-in, its data set and its settings.

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
        Weights to start from (zoo name or file), whose configuration ``settings`` change; fresh ones by default.
    half : bool
        Store tensors of two or more dimensions as float16: half the file, for shipping.
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
        """The kind of the weights: "model", for instance."""
        return kind_named(self.kind).singular

    @property
    def option(self) -> str:
        """The option that names the plug-in: ``--model``, ``--classifier`` or ``--extractor``."""
        return f"--{self.singular}"


def recipe_of(model: str, settings: ModelSettings) -> Recipe:
    """Return how a suite trains a model's generator."""
    return Recipe("models", model, settings.dataset, settings.pretrain)


def suite_dataset(workspace: Workspace, suite_name: str, kind: str, name: str) -> str:
    """Return the data set on which a suite trains a model; raises UsageError if the suite does not say."""
    models = load_suite(suite_name).models
    if kind == "models" and name in models:
        return models[name].dataset
    workspace.registry.source(kind, name, f"--{kind_named(kind).singular}")  # an unknown name is the first thing to say
    known = ", ".join(name for name in workspace.registry.names("datasets") if name != NO_DATASET)
    raise UsageError(f"--dataset: name the data set to train '{name}' on: {known}")


def with_settings(workspace: Workspace, recipe: Recipe, suite_name: str, params: Sequence[str]) -> Recipe:
    """Return a recipe with the settings of a suite, and over these the ones typed after ``-p``.

    A training that starts from weights has their settings instead of the suite's.
    """
    suite, config = load_suite(suite_name), _trainable_class(workspace, recipe).Config
    settings: dict[str, Any] = {}
    if recipe.kind == "models" and recipe.name in suite.models and recipe.start is None:
        require_recipe(suite, suite_name, recipe.name, config)
        settings = suite.models[recipe.name].pretrain
    typed = values_of(config, read_assignments(params, "-p"), "-p")
    return replace(recipe, settings={**settings, **typed})


def configured(workspace: Workspace, recipe: Recipe) -> tuple[Trainable[Any], Any]:
    """Return the plug-in and its configuration for a data set, with the recipe's settings applied."""
    plugin_class = _trainable_class(workspace, recipe)
    plugin = plugin_class()
    source = workspace.dataset(recipe.dataset)
    if source.classifier is None:
        raise UsageError(f"--dataset {recipe.dataset}: has no images to learn from; name another one")
    start = starting_weights(recipe)
    if start is None:
        fields = plugin.dataset_fields(source)
    else:
        config_of(plugin, start, manifest.path_of(str(recipe.start)))  # raises, naming the file
        fields = start.description["config"]
    flag = f"-p ({recipe.singular} '{recipe.name}')"
    return plugin, validated(plugin_class.Config, {**fields, **recipe.settings}, flag)


def starting_weights(recipe: Recipe) -> Checkpoint | None:
    """Return the weights that a recipe starts from; None for fresh ones."""
    if recipe.start is None:
        return None
    stored = checkpoint.read(manifest.path_of(recipe.start))
    if not stored.holds(recipe.singular, recipe.name):
        wanted = f"{recipe.singular} '{recipe.name}'"
        raise CheckpointError(f"--from {recipe.start}: holds the {stored.kind} '{stored.name}', not the {wanted}")
    return stored


def pretrained_path(workspace: Workspace, recipe: Recipe) -> Path:
    """Return where the weights of a recipe are kept."""
    copy = {seed: f"-{letter}" for letter, seed in ROLES.values()} if recipe.kind == "classifiers" else {}
    which = f"{recipe.name}-{recipe.dataset}{copy.get(recipe.seed, '')}"
    name = f"{which}-{recipe_key(workspace, recipe)[:DIGITS]}.safetensors"
    return workspace.store.root.parent / "pretrained" / name


def checkpoint_of(workspace: Workspace, recipe: Recipe, path: Path) -> Path:
    """Return the file from which a stopped training of the weights at a path resumes."""
    return path.with_suffix(f".{recipe_key(workspace, recipe)[:DIGITS]}.checkpoint.pt")


def recipe_key(workspace: Workspace, recipe: Recipe) -> str:
    """Hash what the weights of a recipe are made from."""
    config, start = _told(workspace, recipe), starting_weights(recipe)
    code = code_hash.code_of(build, train, *workspace.registry.plugin(recipe.kind, recipe.name).code())
    made_by = [recipe.kind, recipe.name, config, code, recipe.seed, recipe.half]
    try:
        images = [images_identity(workspace, recipe.dataset), split_of(workspace, recipe)]
    except DataError:  # nothing was trained on images that never were here
        images = []
    return code_hash.digest([*made_by, recipe.dataset, images, start.sha256 if start else None])


def _told(workspace: Workspace, recipe: Recipe) -> dict[str, Any]:
    """Return the fields that determine the networks and their training.

    A classifier or extractor takes its other fields from the data set's attributes, which may be gone by now: the
    images are in the key too.
    """
    if recipe.kind != "models" and recipe.start is None:
        return recipe.settings
    fields: dict[str, Any] = configured(workspace, recipe)[1].model_dump(mode="json")
    return fields


def split_of(workspace: Workspace, recipe: Recipe) -> str:
    """Return the split that a recipe learns from."""
    return workspace.dataset(recipe.dataset).training_split if recipe.kind == "models" else "train"


def images_here(workspace: Workspace, dataset: str, split: str) -> int:
    """Count the images of a split; raises DataError if they are not here, even where their attributes are."""
    source = workspace.dataset(dataset)
    count = len(source.split(split))
    source.identity(split)
    return count


def require_sound(workspace: Workspace, dataset: str, split: str) -> None:
    """Raise DataError if the images of a split are not here, or if a quick look at the data set finds one damaged."""
    images_here(workspace, dataset, split)
    if (damaged := workspace.dataset(dataset).damaged()) is not None:
        raise WrongData(damaged)


def notes_on_images(workspace: Workspace, recipe: Recipe) -> list[str]:
    """Return which images a training leaves out, and why the accuracy of what it trains cannot be measured, if so."""
    source = workspace.dataset(recipe.dataset)
    notes = [source.left_out(), None if recipe.kind == "models" else source.untested()]
    return [note for note in notes if note is not None]


def _trainable_class(workspace: Workspace, recipe: Recipe) -> type[Trainable[Any]]:
    """Return the plug-in's class; raises UsageError if it cannot be trained here."""
    plugin_class = workspace.registry.get(recipe.kind, recipe.name, recipe.option)
    if not issubclass(plugin_class, Trainable) or issubclass(plugin_class, Pretrained):
        raise UsageError(f"{recipe.option} {recipe.name}: has no training recipe")
    return plugin_class
