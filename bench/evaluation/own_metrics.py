"""Metrics that need no oracle: flagged samples, the amount of change, and shares by a judge learnt from clicks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Columns, Feedback, Generator, Metric, Value
from bench.evaluation.learnt_judge import LearntJudge, learn
from bench.toolkit.intervals import of_mean, shown, wilson

CLICKS = "clicked samples"  # what the interval of a judge's own errors covers


class OwnMetric(Metric):
    """A metric that is not a plug-in.

    Attributes
    ----------
    name : str
        Among the metrics.
    """

    name: ClassVar[str]

    @property
    def judge(self) -> str | None:
        """The judge behind its numbers, if that is not the cell's oracle."""
        return None


class Flags(OwnMetric):
    """Flagged samples and the amount of change; intervals are over samples.

    ``flagged_ratio``, the share of the original's samples that the method's identifier flags; ``flagged_change`` and
    ``unflagged_change``, the mean absolute change of a pixel (in [0, 1]) in flagged and in all other samples.
    ``change``, the same over all samples, if the method has no identifier with a threshold.
    """

    name = "without_oracle"
    columns = frozenset({"pixel_change"})  # and `flagged`, where there is one
    values = frozenset({"flagged_ratio", "flagged_change", "unflagged_change", "change"})

    def compute(self, columns: Columns) -> dict[str, Value]:
        flags = columns.flagged
        if flags is None:
            return _changes({"change": columns.pixel_change})
        ratio = {"flagged_ratio": Value(float(flags.mean()), len(flags), None, *wilson(int(flags.sum()), len(flags)))}
        parts = {"flagged_change": columns.pixel_change[flags], "unflagged_change": columns.pixel_change[~flags]}
        return ratio | _changes(parts)


def _changes(parts: Mapping[str, NDArray[np.float64]]) -> dict[str, Value]:
    values = {}
    for name, changes in parts.items():
        if len(changes) >= 2:
            mean, low, high = of_mean(changes)
            values[name] = Value(mean, len(changes), None, *shown(max(0.0, low), high, len(changes)))
    return values


class Learnt(OwnMetric):
    """Shares of samples with the feature before and after, by a judge learnt from the clicks.

    ``learnt_target_ratio`` and ``original_learnt_target_ratio``, the share of samples that have the feature by that
    judge. Their intervals add to Wilson's what the judge got wrong of held-out clicks, in either direction.
    ``learnt_agreement``, the judge's balanced accuracy on held-out clicks. ``learnt_resolution``, the share of shown
    samples that were not clicked and have the feature by a judge that had not seen them: a ratio below it cannot be
    told from none.

    Parameters
    ----------
    original : Generator
        It drew the shown samples.
    feedback : Feedback
    """

    name = "learnt_judge"
    columns = frozenset({"looked"})
    values = frozenset({"learnt_target_ratio", "original_learnt_target_ratio", "learnt_agreement", "learnt_resolution"})

    def __init__(self, original: Generator, feedback: Feedback) -> None:
        self._original, self._feedback = original, feedback

    @property
    def judge(self) -> str:
        return f"a judge learnt from clicks on {len(self._feedback)} samples"

    def look(self, original_images: Tensor, images: Tensor) -> NDArray[np.float64]:
        return np.stack([self._learnt.scores(original_images), self._learnt.scores(images)], 1)

    def compute(self, columns: Columns) -> dict[str, Value]:
        assert columns.looked is not None
        judge, shown = self._learnt, len(self._feedback)
        before, after = (columns.looked >= judge.cut).sum(0).tolist()
        agreement, low, high = judge.agreement
        wrong = judge.false_positives
        return {
            "learnt_target_ratio": _blurred(after, len(columns.looked), wrong, shown),
            "original_learnt_target_ratio": _blurred(before, len(columns.looked), wrong, shown),
            "learnt_agreement": Value(agreement, shown, True, low, high, CLICKS),
            "learnt_resolution": Value(wrong / shown, shown, False, *wilson(wrong, shown), CLICKS),
        }

    @cached_property
    def _learnt(self) -> LearntJudge:
        """The judge; raises BenchError if none can be learnt."""
        return learn(self._original, self._feedback)


def of(original: Generator, feedback: Feedback | None) -> dict[str, OwnMetric]:
    """Return the metrics that need no oracle, by name; a judge is learnt if there is feedback."""
    learnt = {} if feedback is None else {Learnt.name: Learnt(original, feedback)}
    return {Flags.name: Flags(), **learnt}


OWN: tuple[type[OwnMetric], ...] = (Flags, Learnt)


def _blurred(positives: int, n: int, wrong: int, shown: int) -> Value:
    """Return a share of samples, its interval widened by the share of held-out clicks that a judge got wrong."""
    (low, high), (_, error) = wilson(positives, n), wilson(wrong, shown)
    covers = "samples, and what the learnt judge gets wrong"
    return Value(positives / n, n, False, max(0.0, low - error), min(1.0, high + error), covers)
