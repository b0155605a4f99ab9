"""What depends on whether an oracle can judge a cell, or a person's clicks are all that is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import NDArray
from torch import nn

from bench.api import Classifier, Columns, Dataset, Extractor, Feedback, Metric, Oracle, Statistics, Value
from bench.errors import UsageError, unknown
from bench.evaluation import references, removers, without_oracle
from bench.evaluation.metrics import compute_metrics, metric_columns
from bench.evaluation.passes import Pass, Truth
from bench.workspace.observers import LoadedClassifier
from bench.workspace.record import OracleCopy, OraclePair
from bench.workspace.suites import ModelSettings
from bench.workspace.workspace import Oracles, Workspace


@dataclass(frozen=True)
class Computed:
    """The metrics of a pass: what they read, their values, and why others were not computed."""

    columns: Columns
    values: dict[str, Value]
    skipped: dict[str, str]


class Judgement(ABC):
    """What depends on whether an oracle can judge a cell.

    Attributes
    ----------
    oracles : Oracles
        The copy that clicks and the copy that judges; of ``ClicksOnly``, placeholders that say nothing.
    has_oracle : bool
    """

    oracles: Oracles
    has_oracle: ClassVar[bool]

    def computed(
        self,
        workspace: Workspace,
        dataset: str,
        metrics: Mapping[str, Metric],
        extractors: Mapping[str, Extractor],
        result: Pass,
        judge: Oracle,
        identifier: nn.Module | None,
    ) -> Computed:
        """Compute every metric of a pass, and the further values."""
        columns = metric_columns(result, judge, extractors)
        references = self.references(workspace, dataset, extractors, judge.feature)
        values, skipped = compute_metrics(metrics, columns, result, references)
        return Computed(columns, values | self.further(result, identifier), skipped)

    @property
    def observer(self) -> Classifier:
        """What looks at the evaluation samples."""
        return self.oracles.evaluation.classifier

    @abstractmethod
    def require_attributes(self, asked: tuple[str, ...], feature: str) -> None:
        """Raise UsageError if a method asks for clicks on attributes that the oracle does not know."""

    @abstractmethod
    def clicker(self, stored: str | None) -> str | None:
        """Return the oracle whose threshold a feedback file may hold."""

    def threshold(self, stored: float | None, feature: str) -> float:
        """Return the score from which clicked samples have the feature: what a feedback file says, else the cut."""
        return self.oracles.feedback.classifier.cuts[feature] if stored is None else stored

    @abstractmethod
    def unmet(self, needs: frozenset[str]) -> str | None:
        """Return why a method with these needs cannot run, or None."""

    @abstractmethod
    def left_out(self, metrics: Mapping[str, Metric]) -> dict[str, str]:
        """Return the metrics that read what is not there, each with the reason."""

    @abstractmethod
    def truth(self, workspace: Workspace, dataset: str, judge: Oracle) -> Truth | None:
        """Return the true counterfactuals, where the data set knows any."""

    @abstractmethod
    def references(
        self, workspace: Workspace, dataset: str, extractors: Mapping[str, Extractor], feature: str
    ) -> dict[str, tuple[Statistics | None, Statistics | None]]:
        """Return per extractor the statistics of the training set, and of it without the feature."""

    @abstractmethod
    def further(self, result: Pass, identifier: nn.Module | None) -> dict[str, Value]:
        """Return values besides the metrics."""

    @abstractmethod
    def pictured(self, original_labels: NDArray[Any], feedback: Feedback) -> tuple[NDArray[Any], Feedback | None]:
        """Return the labels of the samples that the picture shows, and the feedback if they are the shown ones."""

    @abstractmethod
    def about(self, clicker: Oracle, judge: Oracle) -> OraclePair | None:
        """Say in a record who clicked and who judged."""

    @property
    @abstractmethod
    def label(self) -> str:
        """Who stood behind a number, for its source."""


@dataclass(frozen=True)
class Judged(Judgement):
    """One copy of the data set's oracle clicks, the other judges."""

    oracles: Oracles
    has_oracle: ClassVar[bool] = True

    def require_attributes(self, asked: tuple[str, ...], feature: str) -> None:
        known = self.oracles.feedback.classifier.non_target(feature)
        for name in asked:
            if name not in known:
                raise unknown("attribute", name, known, f"-p keep={name} (with --feature {feature})")

    def clicker(self, stored: str | None) -> str | None:
        return self.oracles.feedback.name

    def unmet(self, needs: frozenset[str]) -> str | None:
        return None

    def left_out(self, metrics: Mapping[str, Metric]) -> dict[str, str]:
        return {}

    def truth(self, workspace: Workspace, dataset: str, judge: Oracle) -> Truth | None:
        remover = removers.remover_for(workspace, dataset, judge.feature)
        return None if remover is None else Truth(remover, judge)

    def references(
        self, workspace: Workspace, dataset: str, extractors: Mapping[str, Extractor], feature: str
    ) -> dict[str, tuple[Statistics | None, Statistics | None]]:
        return references.references(workspace, dataset, extractors, feature)

    def further(self, result: Pass, identifier: nn.Module | None) -> dict[str, Value]:
        return {}

    def pictured(self, original_labels: NDArray[Any], feedback: Feedback) -> tuple[NDArray[Any], Feedback | None]:
        return original_labels, None

    def about(self, clicker: Oracle, judge: Oracle) -> OraclePair | None:
        copies = {"feedback": (self.oracles.feedback, clicker), "evaluation": (self.oracles.evaluation, judge)}
        described = {role: _copy(loaded, oracle) for role, (loaded, oracle) in copies.items()}
        return OraclePair(name=judge.name, threshold=judge.threshold, **described)

    @property
    def label(self) -> str:
        return f"oracle {self.oracles.evaluation.label}"


@dataclass(frozen=True)
class ClicksOnly(Judgement):
    """A generator of unknown data: a person's clicks are all that is known of the feature."""

    feature: str
    oracles: Oracles = field(init=False)
    has_oracle: ClassVar[bool] = False

    def __post_init__(self) -> None:
        silent = LoadedClassifier("none", without_oracle.NoOracle(self.feature))
        object.__setattr__(self, "oracles", Oracles(silent, silent))

    def require_attributes(self, asked: tuple[str, ...], feature: str) -> None:
        return  # the feedback file has them, or is refused

    def clicker(self, stored: str | None) -> str | None:
        return stored

    def unmet(self, needs: frozenset[str]) -> str | None:
        return without_oracle.why_skipped(needs)

    def left_out(self, metrics: Mapping[str, Metric]) -> dict[str, str]:
        return without_oracle.left_out(metrics)

    def truth(self, workspace: Workspace, dataset: str, judge: Oracle) -> Truth | None:
        return None

    def references(
        self, workspace: Workspace, dataset: str, extractors: Mapping[str, Extractor], feature: str
    ) -> dict[str, tuple[Statistics | None, Statistics | None]]:
        return {}  # there is no training set to compare with

    def further(self, result: Pass, identifier: nn.Module | None) -> dict[str, Value]:
        return without_oracle.known(result, identifier)

    def pictured(self, original_labels: NDArray[Any], feedback: Feedback) -> tuple[NDArray[Any], Feedback | None]:
        return feedback.labels, feedback

    def about(self, clicker: Oracle, judge: Oracle) -> OraclePair | None:
        return None

    @property
    def label(self) -> str:
        return "no oracle"


def judgement_of(workspace: Workspace, dataset: Dataset, settings: ModelSettings, feature: str) -> Judgement:
    """Return how a feature of a model is judged: by the data set's oracles, or not at all where it has none."""
    if dataset.classifier is None:
        return ClicksOnly(feature)
    return Judged(workspace.oracles(settings.dataset, settings.oracle))


def require_clicks(judgement: Judgement, dataset: str, model: str) -> None:
    """Raise UsageError: without an oracle, feedback must be given."""
    if isinstance(judgement, ClicksOnly):
        raise UsageError(
            f"--feedback: data set '{dataset}' has no oracle that could click on samples of '{model}'. Click yourself "
            "(bench sample, bench feedback) and give the file: --feedback FILE; or name a data set with an oracle: "
            "--dataset NAME."
        )


def _copy(loaded: LoadedClassifier, oracle: Oracle) -> OracleCopy:
    accuracy = {name: found["balanced_accuracy"] for name, found in loaded.accuracy.items()}
    return OracleCopy(
        weights=loaded.weights, sha256=loaded.sha256, threshold=oracle.threshold, balanced_accuracy=accuracy
    )
