"""From a cell's names to what they name: everything is loaded and checked once, and nothing is run or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.api import Dataset, Extractor, Feedback, Method, Metric
from bench.evaluation import without_oracle
from bench.evaluation.metrics import load_metrics
from bench.experiments.cell import Cell
from bench.experiments.judgement import Judgement, judgement_of, require_clicks
from bench.experiments.keys import keys_of
from bench.experiments.method_run import stream_of
from bench.feedback import file as feedback_file
from bench.feedback.file import FeedbackFile
from bench.workspace import loading
from bench.workspace.record import StageKeys
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Resolved:
    """A cell with all that its names mean.

    Attributes
    ----------
    cell : Cell
    workspace : Workspace
    dataset : Dataset
    method : Method
        Configured.
    judgement : Judgement
    original : Original
        The generator to be unlearned, and its other networks.
    also : tuple of str
        Further attributes that the method wants clicked.
    metrics : mapping of str to Metric
    missing_metrics : mapping of str to str
        Metrics that cannot be computed, with the reason.
    extractors : mapping of str to (Extractor, sha256)
    given : (Feedback, FeedbackFile) or None
        The feedback file, read and checked, if one was named.
    """

    cell: Cell
    workspace: Workspace
    dataset: Dataset
    method: Method[Any]
    judgement: Judgement
    original: loading.Original
    also: tuple[str, ...]
    metrics: Mapping[str, Metric]
    missing_metrics: Mapping[str, str]
    extractors: Mapping[str, tuple[Extractor, str | None]]
    given: tuple[Feedback, FeedbackFile] | None = field(repr=False)

    @cached_property
    def keys(self) -> StageKeys:
        """Keys of all stages, from what each of them reads."""
        return keys_of(self)

    @property
    def stream(self) -> str:
        """Random stream of the unlearning stage."""
        return stream_of(type(self.method), self.cell.seed)

    @property
    def folder(self) -> Path:
        """The cell's folder in the store."""
        return self.workspace.store.folder(self.cell.readable, self.keys.evaluate)

    @property
    def declined(self) -> str | None:
        """Why the method cannot work on this cell, or None."""
        return (
            self.judgement.unmet(self.method.needs)
            or loading.lacking(self.original.networks, self.method.needs, self.original.model)
            or self.method.supports(self.cell.model, self.cell.feature)
        )


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
    judgement = judgement_of(workspace, dataset, settings, cell.feature)
    if cell.feedback_file is None:
        require_clicks(judgement, settings.dataset, cell.model)
    also = method.also_asks()
    judgement.require_attributes(also, cell.feature)
    metrics, missing = load_metrics(workspace.registry, settings.evaluation.metrics)
    missing |= judgement.left_out(metrics)
    extractors = {name: workspace.extractor(name) for name in settings.evaluation.extractors or ()}
    original = workspace.original(cell.model, cell.weights)
    return Resolved(
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
