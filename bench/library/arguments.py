"""Arguments that several functions take, each checked once; errors name the argument."""

from __future__ import annotations

from operator import index
from pathlib import Path
from typing import Any

import torch

from bench.api import Dataset, Generator, Trainable
from bench.errors import UsageError, unknown
from bench.workspace import loading, manifest
from bench.workspace.suites import OracleSettings, Suite, load_suite, suite_names
from bench.workspace.workspace import COPIES, Workspace


def require_generator(value: Any, what: str) -> None:
    """Raise UsageError, naming the argument, unless a value is a generator."""
    if not isinstance(value, Generator):
        raise UsageError(f"{what}: a generator is expected, not a {type(value).__name__}: bench.load(FILE) gives one")


def device_of(generator: Generator) -> torch.device:
    """Return where a generator lies: there it is unlearned and evaluated."""
    return next(generator.parameters()).device


def whole(value: Any, least: int, what: str) -> int:
    """Return a whole number of at least ``least``; raises UsageError, naming the argument."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise UsageError(f"{what}: is {value!r}; a whole number is expected, at least {least}")
    return number


def suite_of(suite: str | Path, call: str) -> Suite:
    """Load a suite by name or by path; an unknown name is an error of ``call``."""
    name = str(suite)
    if not name.endswith(".toml") and name not in suite_names():
        raise unknown("suite", name, suite_names(), f"{call}(suite=...)")
    return load_suite(name)


def dataset_of(workspace: Workspace, name: str, call: str) -> Dataset:
    """Return a data set; an unknown name is an error of ``call``."""
    workspace.registry.source("datasets", name, f"{call}(dataset=...)")
    return workspace.dataset(name)


def oracle_of(
    workspace: Workspace, dataset: str, role: str, weights: str | Path | None, call: str
) -> loading.LoadedClassifier:
    """Return the simulated user of a data set, as the command line's ``--set oracle.ROLE=WEIGHTS`` does.

    Parameters
    ----------
    workspace : Workspace
    dataset : str
    role : str
        "feedback", who clicks, or "evaluation", who judges.
    weights : str or Path or None
        Zoo name or file; the role's own, ``<classifier>-<dataset>-a`` or ``-b``, if None.
    call : str
        The function of which ``dataset`` and ``oracle`` are arguments.

    Raises
    ------
    bench.errors.UsageError
        If the data set has no oracle, or one that is not trained and weights are named.
    bench.errors.CheckpointError
        If there are no such weights, with the command that makes them.
    """
    name = dataset_of(workspace, dataset, call).classifier
    if name is None:
        raise UsageError(f"{call}(dataset='{dataset}'): has no oracle; name a data set that has one")
    if not issubclass(workspace.registry.get("classifiers", name), Trainable):
        if weights is not None:
            raise UsageError(
                f"{call}(oracle=...): '{name}' of '{dataset}' is not trained, so it has no weights to name"
            )
        return workspace.oracles(dataset, OracleSettings()).feedback
    letter, seed = COPIES[role]
    chosen = str(weights or f"{name}-{dataset}-{letter}")
    trained_by = f"--classifier {name} --dataset {dataset} --seed {seed}"
    manifest.require(chosen, f"{call}(dataset='{dataset}')", trained_by, f"{call}(..., oracle=FILE)")
    return workspace.oracles(dataset, OracleSettings(feedback=chosen, evaluation=chosen)).feedback  # one copy will do
