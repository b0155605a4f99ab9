"""Find the generators, oracles and extractors of a cell that must be trained locally: not shipped, and not a file.

Their file names are known before the training: each holds a hash of what the weights are made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.api import Pretrained, Trainable
from bench.core.remembered import remembered
from bench.errors import DataError, UsageError
from bench.experiments.cells.cell import Place
from bench.experiments.cells.recipes import Recipe, pretrained_path, recipe_of
from bench.workspace import manifest
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.weights.extractor_names import trained_on
from bench.workspace.weights.oracles import ROLES
from bench.workspace.workspace import Workspace

DOES = {"feedback": "clicks", "evaluation": "judges"}  # what the oracle of each role does


@dataclass(frozen=True)
class TrainedHere:
    """Weights that are trained locally.

    Attributes
    ----------
    purpose : str
        "generator", "extractor", or "oracle that clicks", "judges", or does both.
    recipe : Recipe
    weights : str
        The file, which may not be there yet.
    """

    purpose: str
    recipe: Recipe
    weights: str

    @property
    def name(self) -> str:
        """What it is called in a plan: "proggan", or "mobilenet-celeba-a"."""
        recipe = self.recipe
        return recipe.name if recipe.kind == "models" else Path(self.weights).stem.rpartition("-")[0]


def with_oracles(settings: ModelSettings, asks: bool, workspace: Workspace) -> ModelSettings:
    """Return settings that name the files of the oracles that are trained here.

    Parameters
    ----------
    settings : ModelSettings
    asks : bool
        Whether the oracle that clicks is asked for anything.
    workspace : Workspace
    """
    roles = ("feedback", "evaluation") if asks else ("evaluation",)
    try:
        recipes = {role: recipe for role in roles if (recipe := oracle_recipe(settings, role, workspace)) is not None}
        named = {role: str(pretrained_path(workspace, recipe)) for role, recipe in recipes.items()}
    except DataError:  # neither the images nor records of them are here
        return settings
    if not named:
        return settings
    return settings.model_copy(update={"oracle": settings.oracle.model_copy(update=named)})


def oracle_recipe(settings: ModelSettings, role: str, workspace: Workspace) -> Recipe | None:
    """Return how a copy of a data set's own oracle is trained; None if it is shipped, needs no training, or is another.

    A copy that the settings name, as "mobilenet-celeba-a", counts like the default copy, which no setting names.
    """
    default, named = workspace.dataset(settings.dataset).classifier, getattr(settings.oracle, role)
    if default is None or default not in workspace.registry.names("classifiers"):
        return None
    copies = {f"{default}-{settings.dataset}-{letter}": seed for letter, seed in ROLES.values()}
    usual = f"{default}-{settings.dataset}-{ROLES[role][0]}"
    copy = usual if named in (None, default) else named
    if copy not in copies or is_there(copy):
        return None
    plugin = workspace.registry.get("classifiers", default, f"data set '{settings.dataset}'")
    if not issubclass(plugin, Trainable) or issubclass(plugin, Pretrained):
        return None
    return Recipe("classifiers", default, settings.dataset, settings.oracle.pretrain, copies[copy])


def name_extractors(settings: ModelSettings, workspace: Workspace) -> None:
    """Tell a workspace where the weights of extractors that are trained here are, or will be.

    Raises
    ------
    UsageError
        If two models train the same extractor with other settings.
    """
    for name in settings.evaluation.extractors or ():
        recipe = extractor_recipe(settings, name, workspace)
        if recipe is None:
            continue
        try:
            path = pretrained_path(workspace, recipe)
        except DataError:
            continue
        if workspace.extractor_files.setdefault(name, path) != path:
            raise UsageError(
                f"--set evaluation.pretrain: two models train the extractor '{name}' with other settings. Run one "
                "model per command (--model), or give both the same"
            )


def extractor_recipe(settings: ModelSettings, name: str, workspace: Workspace) -> Recipe | None:
    """Return how an extractor such as ``faces-celeba`` is trained; None for one with usual weights."""
    found = trained_on(workspace.registry, name)
    if found is None:
        return None
    return Recipe("extractors", found.plugin, found.dataset, settings.evaluation.pretrain)


@remembered
def untrained(place: Place, workspace: Workspace) -> tuple[TrainedHere, ...]:
    """Return what must be trained before a cell can run, in the order of the trainings: short ones first."""
    return tuple(each for each in _all(place, workspace) if not is_there(each.weights))


def _all(place: Place, workspace: Workspace) -> Iterator[TrainedHere]:
    settings = place.settings
    named = {role: getattr(settings.oracle, role) for role in DOES}
    for copy in _copies(settings, workspace) if any(named.values()) else ():
        weights = str(pretrained_path(workspace, copy))
        if does := [DOES[role] for role, name in named.items() if name == weights]:
            yield TrainedHere(f"oracle that {' and '.join(does)}", copy, weights)
    for name in settings.evaluation.extractors or ():
        recipe = extractor_recipe(settings, name, workspace)
        if recipe is not None and name in workspace.extractor_files:
            yield TrainedHere("extractor", recipe, str(workspace.extractor_files[name]))
    if settings.weights is None:
        yield TrainedHere("generator", recipe_of(place.model, settings), place.weights)


def _copies(settings: ModelSettings, workspace: Workspace) -> Iterator[Recipe]:
    """Yield how each copy of the data set's own oracle is trained."""
    nobody = settings.model_copy(update={"oracle": settings.oracle.model_copy(update=dict.fromkeys(DOES))})
    for role in DOES:
        if (recipe := oracle_recipe(nobody, role, workspace)) is not None:
            yield recipe


def trains(kind: str, place: Place, workspace: Workspace) -> bool:
    """Say whether weights of a kind are trained here for a cell, or may be; also if they have been by now.

    Parameters
    ----------
    kind : str
        The plural: "models", "classifiers" or "extractors".
    place : Place
        Of the cell, its oracles named (``with_oracles``).
    workspace : Workspace
    """
    settings = place.settings
    try:
        if kind == "models":
            return settings.weights is None and place.weights == str(
                pretrained_path(workspace, recipe_of(place.model, settings))
            )
        if kind == "extractors":
            names = settings.evaluation.extractors or ()
            return any(extractor_recipe(settings, name, workspace) is not None for name in names)
        copies = {str(pretrained_path(workspace, copy)) for copy in _copies(settings, workspace)}
        named = {getattr(settings.oracle, role) for role in DOES}
        return bool(copies & named) or any(oracle_recipe(settings, role, workspace) is not None for role in DOES)
    except DataError:  # without the images nobody knows
        return True


def is_there(weights: str) -> bool:
    """Say whether weights are shipped or a file."""
    return weights in _shipped() or Path(weights).exists()


@remembered
def _shipped() -> frozenset[str]:
    return frozenset(manifest.entries())
