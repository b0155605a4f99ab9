"""The two ways to judge a cell: by an oracle, or by a person's clicks alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from bench.api import Classifier, Dataset, Extractor, Feedback, Generator, Metric, Oracle
from bench.errors import UsageError, shown, unknown
from bench.evaluation import own_metrics, references, removers, without_oracle
from bench.evaluation.passes import Truth
from bench.evaluation.reference import Reference
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.store.record import OracleCopy, OraclePair
from bench.workspace.weights.observers import LoadedClassifier
from bench.workspace.weights.oracles import Oracles
from bench.workspace.workspace import Workspace


class Judgement(ABC):
    """Base of the two ways to judge a cell.

    Attributes
    ----------
    oracles : Oracles
        The clicking and the judging oracle. If a person clicked, the clicking oracle is a ``NoOracle`` placeholder.
    has_oracle : bool
        Whether an oracle judges.
    """

    oracles: Oracles
    has_oracle: ClassVar[bool]

    @property
    def can_click(self) -> bool:
        """Whether there is an oracle that clicks."""
        return not isinstance(self.oracles.feedback.classifier, without_oracle.NoOracle)

    @property
    def observer(self) -> Classifier:
        """The classifier that looks at the evaluation samples."""
        return self.oracles.evaluation.classifier

    @property
    def other_clicker(self) -> LoadedClassifier | None:
        """The oracle that clicks, if it is another one than the judge: it looks at the evaluation samples too."""
        clicker, judge = self.oracles.feedback, self.oracles.evaluation
        same = (clicker.name, clicker.sha256) == (judge.name, judge.sha256)
        return clicker if self.can_click and not same else None

    @abstractmethod
    def require_attributes(self, asked: tuple[str, ...], feature: str) -> None:
        """Raise UsageError if a method asks for clicks on attributes that the oracle does not know."""

    @abstractmethod
    def clicker(self, stored: str | None) -> str | None:
        """Return the oracle whose threshold a feedback file may hold."""

    def threshold(self, stored: float | None, feature: str) -> float:
        """Return the score from which clicked samples have the feature: what a feedback file says, else the cut."""
        asked = self.oracles.feedback if self.can_click else self.oracles.evaluation
        return asked.classifier.cuts[feature] if stored is None else stored

    @abstractmethod
    def unmet(self, needs: frozenset[str]) -> str | None:
        """Return why a method with these needs cannot run, or None."""

    @abstractmethod
    def left_out(self, metrics: Mapping[str, Metric]) -> dict[str, str]:
        """Return the metrics whose columns are not available, each with the reason."""

    @abstractmethod
    def truth(self, workspace: Workspace, dataset: str, judge: Oracle) -> Truth | None:
        """Return the true counterfactuals, where the data set knows any."""

    @abstractmethod
    def references(
        self, workspace: Workspace, dataset: str, extractors: Mapping[str, Extractor], feature: str
    ) -> dict[str, Reference]:
        """Return the reference of each extractor, with which samples are compared."""

    def home(self, workspace: Workspace, dataset: str) -> str | None:
        """Return the data set that the judge learnt from, or that it measures; None if that is not known."""
        return None

    def own_metrics(self, original: Generator, feedback: Feedback | None) -> Mapping[str, Metric]:
        """Return the metrics that are not plug-ins; they may learn a judge from given feedback."""
        return {}

    @abstractmethod
    def pictured(self, original_labels: NDArray[Any], feedback: Feedback) -> tuple[NDArray[Any], Feedback | None]:
        """Return the labels of the samples that the picture shows, and the feedback if they are the shown ones."""

    @abstractmethod
    def about(self, clicker: Oracle, judge: Oracle) -> OraclePair | None:
        """Say in a record who clicked and who judged."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The name of the judge, for the source of a number."""

    def behind(self, metric: Metric) -> str:
        """Return the source of a metric's numbers: the judge, or both oracles if it compares them."""
        if "clicker_labels" not in metric.columns:
            return self.label
        return f"oracles {self.oracles.feedback.label} and {self.oracles.evaluation.label}"


@dataclass(frozen=True)
class Judged(Judgement):
    """An oracle judges; another one clicks, or a person did.

    Attributes
    ----------
    has_images : bool
        Whether the data set has images to compare with.
    """

    oracles: Oracles
    has_images: bool = True
    has_oracle: ClassVar[bool] = True

    def require_attributes(self, asked: tuple[str, ...], feature: str) -> None:
        if not self.can_click:
            return  # the feedback file has them, or is refused
        known = self.oracles.feedback.classifier.non_target(feature)
        for name in asked:
            if name not in known:
                raise unknown("attribute", name, known, f"-p keep={shown(name)} (with --feature {feature})")

    def clicker(self, stored: str | None) -> str | None:
        return self.oracles.feedback.name if self.can_click or self.has_images else stored

    def unmet(self, needs: frozenset[str]) -> str | None:
        if self.has_images:
            return None
        return without_oracle.why_skipped(needs - {"oracle"} if self.can_click else needs)

    def left_out(self, metrics: Mapping[str, Metric]) -> dict[str, str]:
        return {} if self.has_images else without_oracle.left_out(metrics, judged=True)

    def truth(self, workspace: Workspace, dataset: str, judge: Oracle) -> Truth | None:
        remover = removers.remover_for(workspace, dataset, judge.feature)
        return None if remover is None else Truth(remover, judge)

    def references(
        self, workspace: Workspace, dataset: str, extractors: Mapping[str, Extractor], feature: str
    ) -> dict[str, Reference]:
        found = references.references(workspace, dataset, extractors, feature) if self.has_images else {}
        return references.with_oracle(workspace, dataset, found, extractors, self.home(workspace, dataset))

    def home(self, workspace: Workspace, dataset: str) -> str | None:
        judge = self.oracles.evaluation
        if judge.learnt_on is not None:
            return judge.learnt_on if judge.learnt_on in workspace.registry.names("datasets") else None
        return dataset if workspace.dataset(dataset).classifier == judge.name else None

    def pictured(self, original_labels: NDArray[Any], feedback: Feedback) -> tuple[NDArray[Any], Feedback | None]:
        return original_labels, None

    def about(self, clicker: Oracle, judge: Oracle) -> OraclePair | None:
        clicked = _described(self.oracles.feedback, clicker) if self.can_click else None
        judged = _described(self.oracles.evaluation, judge)
        return OraclePair(name=judge.name, threshold=judge.threshold, feedback=clicked, evaluation=judged)

    @property
    def label(self) -> str:
        clicker, judge = self.oracles.feedback, self.oracles.evaluation
        other = f", clicks by {clicker.label}" if self.can_click and clicker.name != judge.name else ""
        return f"oracle {judge.label}{other}"


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
    ) -> dict[str, Reference]:
        return {}  # there is no training set to compare with

    def own_metrics(self, original: Generator, feedback: Feedback | None) -> Mapping[str, Metric]:
        return own_metrics.of(original, feedback)

    def pictured(self, original_labels: NDArray[Any], feedback: Feedback) -> tuple[NDArray[Any], Feedback | None]:
        return feedback.labels, feedback

    def about(self, clicker: Oracle, judge: Oracle) -> OraclePair | None:
        return None

    @property
    def label(self) -> str:
        return "no oracle"


def judgement_of(
    workspace: Workspace, dataset: Dataset, settings: ModelSettings, feature: str, asks: bool
) -> Judgement:
    """Return how a feature of a model is judged: by the oracles of the settings and the data set, or not at all.

    Parameters
    ----------
    workspace : Workspace
    dataset : Dataset
    settings : ModelSettings
    feature : str
    asks : bool
        Whether the oracle that clicks is asked for anything. If not, its default weights need not be there.
    """
    chosen, has_images = settings.oracle, dataset.classifier is not None
    if chosen.evaluation is None and not has_images:
        if chosen.feedback is not None:
            raise UsageError(
                f"--set oracle.feedback={chosen.feedback}: data set '{settings.dataset}' has no oracle that judges. "
                "Name one, the same or another: --set oracle.evaluation=NAME"
            )
        return ClicksOnly(feature)
    roles = ("feedback", "evaluation") if asks or chosen.feedback is not None else ("evaluation",)
    found = workspace.oracles(settings.dataset, chosen, feature, roles)
    silent = LoadedClassifier(dataset.classifier or "none", without_oracle.NoOracle(feature))
    return Judged(Oracles(found.get("feedback", silent), found["evaluation"]), has_images)


def judged_by(judge: LoadedClassifier, dataset: Dataset, feature: str) -> Judged:
    """Return the judgement of a feature by an oracle, where clicks and threshold come from elsewhere."""
    silent = LoadedClassifier(judge.name, without_oracle.NoOracle(feature))
    return Judged(Oracles(silent, judge), dataset.classifier is not None)


def asks_oracle(feedback_file: Path | None, needs: frozenset[str]) -> bool:
    """Say whether a cell asks the oracle that clicks: for feedback, or for a method that needs one."""
    return feedback_file is None or "oracle" in needs


def require_clicks(judgement: Judgement, dataset: str, model: str) -> None:
    """Raise UsageError: without an oracle that clicks, feedback must be given."""
    if not judgement.can_click:
        raise UsageError(
            f"--feedback: data set '{dataset}' has no oracle that could click on samples of '{model}'. Click yourself "
            "(bench sample, bench feedback) and give the file: --feedback FILE; or name an oracle that clicks: "
            "--set oracle.feedback=NAME, or a data set with one: --dataset NAME."
        )


def _described(loaded: LoadedClassifier, oracle: Oracle) -> OracleCopy:
    accuracy = {name: found["balanced_accuracy"] for name, found in loaded.accuracy.items()}
    return OracleCopy(
        name=loaded.name,
        weights=loaded.weights,
        sha256=loaded.sha256,
        threshold=oracle.threshold,
        balanced_accuracy=accuracy,
    )
