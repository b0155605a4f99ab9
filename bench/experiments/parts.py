"""What a cell is made of: everything that its names mean, loaded and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.api import Dataset, Extractor, Feedback, Method, Metric
from bench.experiments.cell import Cell
from bench.experiments.judgement import Judgement
from bench.experiments.method_run import stream_of
from bench.feedback.file import FeedbackFile
from bench.workspace import loading
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Parts:
    """What a cell's names mean, loaded and checked.

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

    @property
    def stream(self) -> str:
        """Random stream of the unlearning stage."""
        return stream_of(type(self.method), self.cell.seed)

    @property
    def declined(self) -> str | None:
        """Why the method cannot work on this cell, or None."""
        return (
            self.judgement.unmet(self.method.needs)
            or loading.missing_networks(self.original.networks, self.method.needs, self.original.model)
            or self.method.supports(self.cell.model, self.cell.feature)
        )
