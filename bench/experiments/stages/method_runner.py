"""Interface for running a method; ``isolated`` runs it in separate processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from torch import nn

from bench.api import Generator
from bench.api.repeatable import require_repeatable
from bench.errors import PluginError
from bench.evaluation.passes import same_weights
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.resolve import Resolved
from bench.experiments.stages.training import Clicks, Stage
from bench.toolkit.latent import Direction
from bench.workspace.weights import loading
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Student:
    """An unlearned generator, as the evaluation sees it.

    Attributes
    ----------
    generator : nn.Module
        Noise (N, noise_dim) to images.
    identifier : nn.Module or None
        Latents of the original to scores (N,).
    same : bool
        Whether it is the original, unchanged.
    direction : callable
        Returns the target direction, if that is what the method identifies the feature by.
    """

    generator: nn.Module
    identifier: nn.Module | None
    same: bool
    direction: Callable[[], Direction | None] = lambda: None


class MethodRunner(Protocol):
    """Runs a method and loads what it made."""

    def unlearn(self, resolved: Resolved, clicks: Clicks) -> None:
        """Unlearn, and leave the outcome in the stage's folder."""

    def student(self, resolved: Resolved, weights: Path) -> AbstractContextManager[Student]:
        """Load an unlearned generator."""


class LazyStudent:
    """Loads an unlearned generator when it is first asked for one, and closes it on leaving the ``with`` block.

    Parameters
    ----------
    resolved : Resolved
    runner : MethodRunner
    weights : callable
        Returns the file, or raises if it cannot be used.
    """

    def __init__(self, resolved: Resolved, runner: MethodRunner, weights: Callable[[], Path]) -> None:
        self._resolved, self._runner, self._weights = resolved, runner, weights
        self._open = ExitStack()
        self._student: Student | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def __call__(self) -> Student:
        """Return the generator."""
        if self._student is None:
            self._student = self._open.enter_context(self._runner.student(self._resolved, self._weights()))
        return self._student


def stage_of(resolved: Resolved) -> Stage:
    """Return where the unlearning of a cell is kept."""
    return Stage(resolved.workspace.store.stage("unlearn", resolved.keys.unlearn))


def load_student(workspace: Workspace, cell: Cell, weights: Path) -> Student:
    """Load an unlearned generator onto the workspace's device."""
    unlearned = loading.load_unlearned(workspace.registry, weights, workspace.device)
    _require_repeatable(unlearned.generator)
    original = workspace.original(cell.model, cell.weights).generator
    identifier, same = unlearned.identifier, same_weights(original, unlearned.generator)
    direction = identifier if isinstance(identifier, Direction) else None
    return Student(unlearned.generator, identifier, same, lambda: direction)


def _require_repeatable(generator: Generator) -> None:
    """Raise RuntimeError unless the same noise gives the same image: numbers would be of something else."""
    try:
        require_repeatable(generator)
    except PluginError as error:
        raise RuntimeError(f"the unlearned generator cannot be measured: {error}") from error
