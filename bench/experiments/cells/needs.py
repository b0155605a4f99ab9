"""Find what a cell lacks (weights, oracles, extractors, images), each with the command or place to get it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench.core.remembered import remembered
from bench.errors import BenchError, CheckpointError, PluginError
from bench.evaluation.metric_plugins import load_metrics
from bench.evaluation.references import has_references
from bench.experiments.cells.cell import Cell, Place
from bench.experiments.cells.judgement import asks_oracle, judgement_of
from bench.experiments.cells.recipes import pretrained_path, require_sound, split_of
from bench.experiments.cells.trained_here import extractor_recipe, is_there, untrained
from bench.workspace import manifest
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Need:
    """One thing that a cell needs; ``look`` raises BenchError if it is missing."""

    name: str
    look: Callable[[], object]


@dataclass(frozen=True)
class Looked:
    """Looks once for the inputs that cells share.

    Attributes
    ----------
    workspace : Workspace
    suite : str
        As typed: a name, or a file.
    """

    workspace: Workspace
    suite: str
    _errors: dict[str, BenchError | None] = field(default_factory=dict)

    def to_resolve(self, cell: Cell) -> list[BenchError]:
        """Return the missing inputs that a cell names; weights that the plan trains itself do not count."""
        return self._missing(cell.place, cell.method, False)

    def to_run(self, cell: Cell) -> list[BenchError]:
        """Return the missing inputs that a cell reads while it runs."""
        return self._missing(cell.place, cell.method, True)

    @remembered
    def _missing(self, place: Place, method: str, runs: bool) -> list[BenchError]:
        needs = (self._read if runs else self._named)(place, method)
        return [error for need in needs if (error := self._error(need)) is not None]

    def _error(self, need: Need) -> BenchError | None:
        if need.name not in self._errors:
            try:
                need.look()
                self._errors[need.name] = None
            except BenchError as error:
                self._errors[need.name] = error
        return self._errors[need.name]

    def _named(self, place: Place, method: str) -> Iterator[Need]:
        workspace, settings = self.workspace, place.settings
        dataset = workspace.dataset(settings.dataset)
        later = {each.weights for each in untrained(place, workspace)}
        if place.weights not in later:
            yield Need(f"weights {place.model} {place.weights}", partial(require_weights, place, self.suite))
        for name in settings.evaluation.extractors or ():
            if str(workspace.extractor_files.get(name)) not in later:
                yield Need(f"extractor {name}", partial(self._extractor, place, name))
        asks = asks_oracle(place.feedback_file, workspace.registry.get("methods", method, "--method").needs)
        if later.isdisjoint((settings.oracle.feedback, settings.oracle.evaluation)):
            oracles = f"oracles {settings.dataset} {settings.oracle} {place.feature} {asks}"
            yield Need(oracles, partial(judgement_of, workspace, dataset, settings, place.feature, asks))

    def _extractor(self, place: Place, name: str) -> object:
        """Load an extractor; without the images that one learns from, where its weights are is not known."""
        recipe = extractor_recipe(place.settings, name, self.workspace)
        if recipe is not None and name not in self.workspace.extractor_files:
            pretrained_path(self.workspace, recipe)  # raises DataError, which says what to do
        return self.workspace.extractor(name)

    def _read(self, place: Place, method: str) -> Iterator[Need]:
        workspace = self.workspace
        if self._reads_images(place, method):
            name = place.settings.dataset
            yield self._images(name, workspace.dataset(name).training_split)
        for each in untrained(place, workspace):
            yield self._images(each.recipe.dataset, split_of(workspace, each.recipe))

    def _images(self, name: str, split: str) -> Need:
        return Need(f"images {name} {split}", partial(require_sound, self.workspace, name, split))

    def _reads_images(self, place: Place, method: str) -> bool:
        """Say whether the method, or what is still to be made (weights, statistics), reads the data set's images."""
        if self.workspace.dataset(place.settings.dataset).classifier is None:
            return False
        return (
            "training_data" in self.workspace.registry.get("methods", method, "--method").needs
            or is_to_be_trained(place)
            or bool(to_embed(place, self.workspace))
        )


@remembered
def to_embed(place: Place, workspace: Workspace) -> tuple[str, ...]:
    """Return the extractors, if any metric compares with them, that have yet to look at the data set's images."""
    settings = place.settings
    if workspace.dataset(settings.dataset).classifier is None:
        return ()
    lacking = [x for x in settings.evaluation.extractors or () if not has_references(workspace, settings.dataset, x)]
    return tuple(lacking) if lacking and _compares(workspace, settings.evaluation.metrics) else ()


def _compares(workspace: Workspace, metrics: Sequence[str] | None) -> bool:
    """Say whether any of the metrics, of all if None, compares with images of the data set."""
    try:
        return any(each.per_extractor for each in load_metrics(workspace.registry, metrics)[0].values())
    except PluginError:  # the metric that does not load is told elsewhere
        return True


def is_to_be_trained(cell: Cell | Place) -> bool:
    """Say whether a cell's generator is still to be trained, its suite naming no weights."""
    return cell.settings.weights is None and not is_there(cell.weights)


def require_weights(place: Place, suite: str) -> None:
    """Raise CheckpointError, with what to type, unless the weights of a place are there."""
    trained_by = f"--model {place.model} --dataset {place.settings.dataset}"
    trained_by += "" if suite == "lite" else f" --suite {suite}"
    if place.weights == place.settings.weights:
        manifest.require(place.weights, f"--model {place.model}", trained_by, "--weights FILE")
    elif not is_there(place.weights):
        raise CheckpointError(
            f"--model {place.model}: has no weights yet. Train it (bench pretrain {trained_by}) or pass weights "
            "(--weights FILE)."
        )
