"""The parts of a cell: everything that its names refer to, loaded and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field

from bench.api import Dataset, Extractor, Feedback, Metric, Params
from bench.experiments.cells.cell import Cell, Place
from bench.experiments.cells.judgement import Judgement
from bench.feedback.file import FeedbackFile
from bench.workspace.weights import loading
from bench.workspace.workspace import Workspace


class Declared(Params):
    """A method's declarations, for the processes that do not import it.

    Attributes
    ----------
    needs : frozenset of str
    reads_feedback : bool
    trainings : int
        Different runs over all seeds, of a method that reads no feedback.
    also : tuple of str
        Further attributes that it wants clicked.
    """

    needs: frozenset[str]
    reads_feedback: bool
    trainings: int = Field(ge=1)
    also: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Shared:
    """The parts that cells of one place share, loaded and checked.

    Attributes
    ----------
    place : Place
    workspace : Workspace
    dataset : Dataset
    judgement : Judgement
    original : Original
        The generator to be unlearned, and its other networks.
    cut_original : Original
        The generator whose samples make the cut, where the oracle clicks a top share: by default ``original``.
    metrics : mapping of str to Metric
    missing_metrics : mapping of str to str
        Metrics that cannot be computed, with the reason.
    extractors : mapping of str to (Extractor, sha256)
    given : (Feedback, FeedbackFile) or None
        The feedback file, read and checked, if one was named.
    """

    place: Place
    workspace: Workspace
    dataset: Dataset
    judgement: Judgement
    original: loading.Original
    cut_original: loading.Original
    metrics: Mapping[str, Metric]
    missing_metrics: Mapping[str, str]
    extractors: Mapping[str, tuple[Extractor, str | None]]
    given: tuple[Feedback, FeedbackFile] | None = field(repr=False)


@dataclass(frozen=True)
class Parts(Shared):
    """All parts of a cell except its method, loaded and checked.

    Attributes
    ----------
    cell : Cell
    method : Declared
    """

    cell: Cell
    method: Declared
