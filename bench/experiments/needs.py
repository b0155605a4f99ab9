"""What a cell needs that may not be here: weights, oracles, extractors, images; with the command or place of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.core.remembered import remembered
from bench.errors import BenchError, CheckpointError
from bench.evaluation.references import has_references
from bench.experiments.cell import Cell
from bench.experiments.judgement import asks_oracle, judgement_of
from bench.workspace import manifest
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Need:
    """One thing that a cell needs; ``look`` raises BenchError if it is missing."""

    name: str
    look: Callable[[], object]


@dataclass(frozen=True)
class Looked:
    """Looks once for what cells share.

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
        """Return what is missing of what a cell names; weights that the plan trains itself do not count."""
        return self._missing(self._named(cell))

    def to_run(self, cell: Cell) -> list[BenchError]:
        """Return what is missing of what a cell reads while it runs."""
        return self._missing(self._read(cell))

    def _missing(self, needs: Iterable[Need]) -> list[BenchError]:
        return [error for need in needs if (error := self._error(need)) is not None]

    def _error(self, need: Need) -> BenchError | None:
        if need.name not in self._errors:
            try:
                need.look()
                self._errors[need.name] = None
            except BenchError as error:
                self._errors[need.name] = error
        return self._errors[need.name]

    def _named(self, cell: Cell) -> Iterator[Need]:
        workspace, settings = self.workspace, cell.settings
        dataset = workspace.dataset(settings.dataset)
        if not is_to_be_trained(cell):
            yield Need(f"weights {cell.model} {cell.weights}", partial(require_weights, cell, self.suite))
        for name in settings.evaluation.extractors or ():
            yield Need(f"extractor {name}", partial(workspace.extractor, name))
        asks = asks_oracle(cell.feedback_file, workspace.registry.get("methods", cell.method, "--method").needs)
        oracles = f"oracles {settings.dataset} {settings.oracle} {cell.feature} {asks}"
        yield Need(oracles, partial(judgement_of, workspace, dataset, settings, cell.feature, asks))

    def _read(self, cell: Cell) -> Iterator[Need]:
        dataset = self.workspace.dataset(cell.settings.dataset)
        if dataset.classifier is not None and self._reads_images(cell):
            yield Need(f"images {cell.settings.dataset}", partial(dataset.split, dataset.training_split))

    def _reads_images(self, cell: Cell) -> bool:
        """Say whether the method, or what is still to be made (weights, statistics), reads the data set's images."""
        extractors = cell.settings.evaluation.extractors or ()
        return (
            "training_data" in self.workspace.registry.get("methods", cell.method, "--method").needs
            or is_to_be_trained(cell)
            or not all(has_references(self.workspace, cell.settings.dataset, x) for x in extractors)
        )


def is_to_be_trained(cell: Cell) -> bool:
    """Say whether a cell's generator is still to be trained, its suite naming no weights."""
    return cell.settings.weights is None and not _is_there(cell.weights)


def require_weights(cell: Cell, suite: str) -> None:
    """Raise CheckpointError, with what to type, unless a cell's weights are there."""
    trained_by = f"--model {cell.model} --dataset {cell.settings.dataset}"
    trained_by += "" if suite == "lite" else f" --suite {suite}"
    if cell.weights == cell.settings.weights:
        manifest.require(cell.weights, f"--model {cell.model}", trained_by, "--weights FILE")
    elif not _is_there(cell.weights):
        raise CheckpointError(
            f"--model {cell.model}: has no weights yet. Train it (bench pretrain {trained_by}) or pass weights "
            "(--weights FILE)."
        )


def _is_there(weights: str) -> bool:
    return weights in _shipped() or Path(weights).exists()


@remembered
def _shipped() -> frozenset[str]:
    return frozenset(manifest.entries())
