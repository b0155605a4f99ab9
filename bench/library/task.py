"""The feature to remove, and the data set whose oracle knows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

from bench.api import Dataset
from bench.errors import UsageError
from bench.evaluation.without_oracle import require_feature
from bench.workspace.settings.suites import OracleSettings
from bench.workspace.weights.observers import LoadedClassifier
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Task:
    """A feature, with its data set and oracle: for methods that need an oracle or training data.

    ``bench.evaluate`` takes the same four as keywords. ``bench.unlearn`` takes them as ``task=``, so that its own
    keywords do not hide a method's parameters, such as ``threshold`` of ``ours``.

    Parameters
    ----------
    feature : str
        The feature to remove, one of the data set's (``bench show mnist``).
    dataset : str
        Registered name of the data set that knows it (``bench list datasets``).
    threshold : float, optional
        The score from which the oracle sees the feature, as ``bench.ask_oracle`` returned it; its own cut by default.
    oracle : str or path-like, optional
        What is asked: a classifier, an extractor, or the weights of either (zoo name or file), as
        ``--set oracle.feedback=NAME``; the data set's own by default. Of one that is trained, the weights are
        ``<classifier>-<dataset>-a`` where it clicks and ``-b`` where it judges.

    Raises
    ------
    bench.errors.UsageError
        If an argument is of another type.
    """

    feature: str
    dataset: str
    threshold: float | None = None
    oracle: str | Path | None = None

    def __post_init__(self) -> None:
        for name, kinds, expected in (
            ("feature", str, "a name"),
            ("dataset", str, "a name"),
            ("threshold", Real | None, "a number"),
            ("oracle", str | Path | None, "a name or a file"),
        ):
            value = getattr(self, name)
            if not isinstance(value, kinds) or (isinstance(value, float) and not math.isfinite(value)):
                raise UsageError(f"Task({name}): is {value!r}; {expected} is expected")


def dataset_of(workspace: Workspace, task: Task) -> Dataset:
    """Return a task's data set; raises UsageError if it, or the feature, is unknown."""
    dataset = workspace.dataset(task.dataset)
    require_feature(dataset, task.dataset, task.feature)
    return dataset


def oracle_of(workspace: Workspace, task: Task, role: str) -> LoadedClassifier:
    """Return a task's oracle for a role, "feedback" or "evaluation": the one it names, else the data set's.

    Raises
    ------
    UsageError
        If there is neither.
    """
    named = None if task.oracle is None else str(task.oracle)
    settings = OracleSettings(feedback=named, evaluation=named)
    found = workspace.oracles(task.dataset, settings, task.feature, (role,))
    if role not in found:
        raise UsageError(
            f"--dataset {task.dataset}: this data set has no oracle. Choose one that has, or name an oracle: "
            f"--set oracle.{role}=FILE"
        )
    return found[role]
