"""From a cell's names to what they name: everything is loaded and checked once, and nothing is run or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.api import Feedback, Method
from bench.evaluation import without_oracle
from bench.evaluation.metric_plugins import load_metrics
from bench.experiments.cell import Cell
from bench.experiments.judgement import Judgement, asks_oracle, judgement_of, require_clicks
from bench.experiments.keys import keys_of, metric_keys_of
from bench.experiments.parts import Parts
from bench.feedback import file as feedback_file
from bench.feedback.file import FeedbackFile
from bench.workspace import loading
from bench.workspace.record import StageKeys
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Resolved(Parts):
    """A cell that can run: its parts, and the keys of its stages.

    Attributes
    ----------
    keys : StageKeys
        From what each stage reads.
    metric_keys : mapping of str to str
        By metric, from its code and what it reads besides the cell's samples.
    """

    keys: StageKeys
    metric_keys: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The cell's folder in the store."""
        return self.workspace.store.folder(self.cell.readable, self.keys.evaluate)


def resolve(cell: Cell, workspace: Workspace) -> Resolved:
    """Load and check all that a cell names.

    Raises
    ------
    BenchError
        If something must be mended before this cell can run: a name, weights, an oracle, a feedback file.
    """
    settings = cell.settings
    dataset = workspace.dataset(settings.dataset)
    method: Method[Any] = workspace.registry.get("methods", cell.method, "--method")(cell.params)
    without_oracle.require_feature(dataset, settings.dataset, cell.feature)
    judgement = judgement_of(workspace, dataset, settings, cell.feature, asks_oracle(cell.feedback_file, method.needs))
    if cell.feedback_file is None:
        require_clicks(judgement, settings.dataset, cell.model)
    also = method.also_asks()
    judgement.require_attributes(also, cell.feature)
    metrics, missing = load_metrics(workspace.registry, settings.evaluation.metrics)
    missing |= judgement.left_out(metrics)
    metrics |= judgement.own_metrics
    extractors = {name: workspace.extractor(name) for name in settings.evaluation.extractors or ()}
    original = workspace.original(cell.model, cell.weights)
    parts = Parts(
        cell=cell,
        workspace=workspace,
        dataset=dataset,
        method=method,
        judgement=judgement,
        original=original,
        also=also,
        metrics={name: metric for name, metric in metrics.items() if name not in missing},
        missing_metrics=missing,
        extractors=extractors,
        given=_given_feedback(cell, original, judgement, also),
    )
    return Resolved(**vars(parts), keys=keys_of(parts), metric_keys=metric_keys_of(parts))


def _given_feedback(
    cell: Cell, original: loading.Original, judgement: Judgement, also: tuple[str, ...]
) -> tuple[Feedback, FeedbackFile] | None:
    """Read the feedback file that was named, if one was; raises UsageError unless it is for this cell."""
    if cell.feedback_file is None:
        return None
    feedback, stored = feedback_file.from_file(cell.feedback_file, original.sha256, original.generator)
    clicker = judgement.clicker(stored.oracle)
    feedback_file.require_task(cell.feedback_file, stored, cell.model, cell.feature, clicker, also)
    return feedback, stored
