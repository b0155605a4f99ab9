"""The text that describes a cell to another process, which loads everything itself and shares nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Self

import torch

from bench.api import Params
from bench.core import together
from bench.core.machine import choose_device
from bench.core.processes.watch import NONE, Limits
from bench.core.progress import Progress
from bench.experiments.cells.cell import Cell, Untyped
from bench.experiments.cells.parts import Declared
from bench.experiments.cells.resolve import Resolved, load_parts
from bench.registry import Registry
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.store.record import StageKeys
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace


class Places(Params):
    """The folders and files of a run, and its device, threads and limits.

    Attributes
    ----------
    plugins : tuple of Path
        Folders of loose plug-ins.
    files : tuple of Path
        Single loose plug-ins.
    results : Path
    data_dir : Path or None
    device : str
    threads : int
        Of torch, in one process.
    limits : Limits
        What a cell may use.
    extractor_files : dict of str to Path
        Weights of extractors that were trained here.
    together : bool
        Whether other processes of ``torchrun`` take part in trainings.
    here : Path
        The current folder: relative paths begin there, and loose plug-ins import modules from it.
    argv : tuple of str
        The command line, for the record.
    """

    plugins: tuple[Path, ...]
    files: tuple[Path, ...]
    results: Path
    data_dir: Path | None
    device: str
    threads: int
    limits: Limits = NONE
    extractor_files: dict[str, Path] = {}
    together: bool = False
    here: Path
    argv: tuple[str, ...] = ()

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """Return the places of a workspace."""
        return cls(
            plugins=workspace.registry.folders,
            files=workspace.registry.files,
            results=workspace.store.root.absolute(),  # a method may change the current folder
            data_dir=workspace.data_dir,
            device=str(workspace.device),
            threads=torch.get_num_threads(),
            limits=workspace.limits,
            extractor_files={name: path.absolute() for name, path in workspace.extractor_files.items()},
            together=together.begun(),
            here=Path.cwd(),
            argv=tuple(sys.argv),
        )

    def open(self, progress: Progress) -> Workspace:
        """Open them as a workspace of this process."""
        torch.set_num_threads(self.threads)
        if self.together:
            together.begin()
        sys.argv = [*self.argv]
        registry, store = Registry(self.plugins, self.files), Store(self.results, progress.waits)
        device, files = choose_device(self.device), dict(self.extractor_files)
        return Workspace(registry, store, device, self.data_dir, progress, self.limits, files)


class Training(Params):
    """The instructions for a process that trains.

    Attributes
    ----------
    checkpoint : Path or None
        Where the training saves, for others that take part in it.
    """

    places: Places
    recipe: dict[str, Any]
    checkpoint: Path | None = None


class Assignment(Params):
    """A cell, what is already known about it, and its places.

    Attributes
    ----------
    since : float or None
        A stored result counts only if it was stored after this time (``--overwrite always``), s since the epoch.
    helps : bool
        Whether another process runs the cell, and this one only helps to evaluate it.
    """

    places: Places
    suite: str
    method: str
    model: str
    feature: str
    seed: int
    params: dict[str, Any]
    settings: ModelSettings
    weights: str
    feedback_file: Path | None
    named: tuple[str, ...]
    step: int | None = None
    declared: Declared
    declined: str | None
    keys: StageKeys
    metric_keys: dict[str, str]
    observer_keys: dict[str, str]
    images: str | None
    sources: dict[str, str]
    since: float | None = None
    helps: bool = False

    @classmethod
    def of(cls, resolved: Resolved, since: float | None = None, helps: bool = False) -> Self:
        """Return the assignment of a resolved cell."""
        cell = resolved.cell
        return cls(
            **{**vars(cell), "params": cell.params.model_dump(mode="json")},
            places=Places.of(resolved.workspace),
            declared=resolved.method,
            declined=resolved.declined,
            keys=resolved.keys,
            metric_keys=dict(resolved.metric_keys),
            observer_keys=dict(resolved.observer_keys),
            images=resolved.images,
            sources=dict(resolved.sources),
            since=since,
            helps=helps,
        )

    @property
    def cell(self) -> Cell:
        """The cell, its hyper-parameters as plain values."""
        return Cell(
            self.suite,
            self.method,
            self.model,
            self.feature,
            self.seed,
            Untyped.model_validate(self.params),
            self.settings,
            self.weights,
            self.feedback_file,
            self.named,
            self.step,
        )

    def resolved(self, workspace: Workspace) -> Resolved:
        """Load everything except the method."""
        parts = load_parts(self.cell, workspace, self.declared)
        return Resolved(
            **vars(parts),
            keys=self.keys,
            metric_keys=self.metric_keys,
            observer_keys=self.observer_keys,
            declined=self.declined,
            images=self.images,
            sources=self.sources,
        )
