"""Evaluation in Python: the pass and the metrics of a cell, with a data set's oracle or without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.api import Dataset, Extractor, Feedback, Generator, Metric, Value
from bench.core import limits
from bench.core.modes import ordinary
from bench.errors import UsageError
from bench.evaluation.described import Observers
from bench.evaluation.drawing import Pair
from bench.evaluation.metric_plugins import load_metrics, reserved_names
from bench.evaluation.metrics import clashes, compute_metrics, metric_columns, source_of
from bench.evaluation.passes import run_pass, unchanged
from bench.evaluation.sight import require_sight
from bench.experiments.cells.judgement import ClicksOnly, Judgement, judged_by
from bench.library.arguments import whole
from bench.library.known import KnownGenerator
from bench.library.places import PLUGINS, workspace_for
from bench.library.seen import remember, remembered
from bench.library.sound import fitting_feedback, measurable
from bench.library.task import Task, dataset_of, oracle_of
from bench.library.wording import arguments_of
from bench.workspace.settings.suites import NO_DATASET
from bench.workspace.workspace import Workspace

FIELDS = ("value", "low", "high", "covers", "n", "higher_is_better", "source", "skipped")
NOTHING = Task("nothing", NO_DATASET)  # placeholder task when there is no oracle


@ordinary()
@arguments_of("evaluate")
def evaluate(
    unlearned: KnownGenerator | Generator,
    original: KnownGenerator | Generator,
    *,
    feature: str | None = None,
    dataset: str | None = None,
    threshold: float | None = None,
    oracle: str | Path | None = None,
    feedback: Feedback | None = None,
    count: int = 10_000,
    extractors: Sequence[str] | None = None,
    plugins: str | Path | None = PLUGINS,
    data_dir: str | Path | None = None,
    workspace: Workspace | None = None,
) -> pd.DataFrame:
    """Measure how far a feature is gone and what else changed: what ``bench run`` measures, on the same samples.

    Parameters
    ----------
    unlearned, original : what ``bench.load`` or ``bench.unlearn`` returned, or any bench.api.Generator
        After and before, on one device, in eval mode. A plain generator has no identifier to be measured.
    feature, dataset : str, optional
        What should be gone, and the data set whose oracle judges and whose training set FID is against. Without them
        only what the method flags and how much it changed is measured, and what a judge learnt from ``feedback`` says.
    threshold : float, optional
        The score from which the feature was clicked, as ``ask_oracle`` returned it; counts where an oracle clicks the
        top fraction of what it is shown. By default, as after a person's clicks, the training set's own cut.
    oracle : str or path-like, optional
        What judges, as ``--set oracle.evaluation=NAME``: a classifier, an extractor, or the weights of either; the data
        set's own by default, of a trained one ``<classifier>-<dataset>-b``. It should not be what clicked.
    feedback : Feedback, optional
        Without ``feature`` and ``dataset``: clicks on samples of ``original``, from which a judge is learnt.
    count : int
        Samples, at least 2.
    extractors : sequence of str, optional
        For FID and the inception score; the data set's by default.
    plugins, data_dir, workspace
        As in ``bench.unlearn``.

    Returns
    -------
    DataFrame
        A row for each metric: ``value``, 95 % interval ``low`` to ``high`` and what varies in it, ``covers``, ``n``,
        ``higher_is_better``, and its ``source``: the data and the judge. A metric that was not computed has its reason
        in ``skipped``.

    Raises
    ------
    bench.errors.UsageError
        Unknown names, generators that do not fit each other or the data set, one of feature and dataset alone.
    bench.errors.CheckpointError
        If the oracle's weights are missing, with the command that makes them, or are another classifier's.
    """
    after, before = measurable(unlearned, "evaluate(unlearned)"), measurable(original, "evaluate(original)")
    count, task = whole(count, 2, "evaluate(count)", limits.SAMPLES), _task(feature, dataset, threshold, oracle)
    _require_comparable(after, before)
    opened = workspace_for(before.device, workspace, plugins, data_dir)
    setting = _setting(opened, task, _names(extractors, task), before.generator, _clicks(feedback, task, before))
    setting.require_sight(before)
    return setting.table(after, before, count)


@dataclass(frozen=True)
class _Setting:
    """The judge, the extractors and the metrics of one evaluation, as in a cell."""

    workspace: Workspace
    task: Task
    dataset: Dataset
    judgement: Judgement
    extractors: Mapping[str, Extractor]
    metrics: Mapping[str, Metric]
    missing: Mapping[str, str]

    def require_sight(self, before: KnownGenerator) -> None:
        """Raise UsageError unless the judge and the reference images fit the images of the generator."""
        shape, oracles = before.generator.image_shape, {"evaluation": self.judgement.oracles.evaluation}
        require_sight(shape, self.task.dataset, self.dataset, oracles, self.extractors)

    @property
    def seer(self) -> str:
        """The judge and the extractors, as text."""
        judge = self.judgement.oracles.evaluation
        return f"{judge.name} {judge.weights} {judge.sha256} {judge.classifier.attributes} {sorted(self.extractors)}"

    def table(self, after: KnownGenerator, before: KnownGenerator, count: int) -> pd.DataFrame:
        """Compute the metrics on ``count`` samples; one row each."""
        values, skipped = self._computed(after, before, count)
        rows: dict[str, dict[str, Any]] = {}
        for name, (metric, value) in sorted(values.items()):
            who = source_of(name, metric, self.extractors, self.judgement.behind(metric))
            source = f"{self.dataset.label}; {who}; {count} samples of {before.model}"
            rows[name] = {**vars(value), "source": source}
        rows |= {name: {"skipped": reason} for name, reason in sorted({**self.missing, **skipped}.items())}
        table = pd.DataFrame.from_records(list(rows.values()), index=list(rows), columns=list(FIELDS))
        return table.astype({"n": "Int64"}).rename_axis("metric")

    def _computed(
        self, after: KnownGenerator, before: KnownGenerator, count: int
    ) -> tuple[dict[str, tuple[Metric, Value]], dict[str, str]]:
        workspace, judgement, (feature, dataset) = (
            self.workspace,
            self.judgement,
            (self.task.feature, self.task.dataset),
        )
        judge = judgement.oracles.of(feature, judgement.threshold(self.task.threshold, feature))[1]
        observers = Observers(judgement.observer, self.extractors)
        original, described = remembered(before.generator, self.seer, observers, count)
        result = run_pass(
            Pair(original, after.generator, count, unchanged(before.generator, after.generator)),
            observers,
            workspace.progress,
            identifier=after.identifier,
            cached=described,
            truth=judgement.truth(workspace, dataset, judge),
            lookers={name: metric for name, metric in self.metrics.items() if metric.looks()},
        )
        remember(before.generator, self.seer, result.seen)
        columns = metric_columns(result, judge, self.extractors)
        references = judgement.references(workspace, dataset, self.extractors, feature)
        found = compute_metrics(self.metrics, columns, result, references, reserved_names(workspace.registry))
        refused = clashes({name: outcome.values for name, outcome in found.items()})
        counted = {name: outcome for name, outcome in found.items() if name not in refused}
        values = {v: (self.metrics[name], value) for name, out in counted.items() for v, value in out.values.items()}
        return values, refused | {name: why for outcome in counted.values() for name, why in outcome.skipped.items()}


def _setting(
    workspace: Workspace,
    task: Task | None,
    extractors: Sequence[str] | None,
    original: Generator,
    feedback: Feedback | None,
) -> _Setting:
    """Load the judge of a task; without a task, a judge is learnt from the feedback, if there is any."""
    names = workspace.usual_extractors((task or NOTHING).dataset) if extractors is None else extractors
    dataset = dataset_of(workspace, task or NOTHING)
    judge = None if task is None else oracle_of(workspace, task, "evaluation")
    judgement = judged_by(judge, dataset, task.feature) if task and judge else ClicksOnly(NOTHING.feature)
    metrics, missing = load_metrics(workspace.registry)
    missing |= judgement.left_out(metrics)
    metrics |= judgement.own_metrics(original, feedback)
    return _Setting(
        workspace,
        task or NOTHING,
        dataset,
        judgement,
        {name: workspace.extractor(name)[0] for name in names},
        {name: metric for name, metric in metrics.items() if name not in missing},
        missing,
    )


# --- what goes in -------------------------------------------------------------------------------------


def _task(feature: str | None, dataset: str | None, threshold: float | None, oracle: str | Path | None) -> Task | None:
    if (feature is None) != (dataset is None):
        raise UsageError("evaluate: feature= and dataset= go together: the data set's oracle judges the feature")
    if feature is not None and dataset is not None:
        return Task(feature, dataset, threshold, oracle)
    if threshold is not None or oracle is not None:
        lone = "threshold=" if oracle is None else "oracle="
        raise UsageError(f"evaluate: {lone} judges a feature of a data set; give feature= and dataset= too")
    return None


def _clicks(feedback: Feedback | None, task: Task | None, before: KnownGenerator) -> Feedback | None:
    if feedback is not None and task is not None:
        raise UsageError(
            "evaluate: feedback= teaches a judge where no oracle judges; leave it out, or feature= and dataset="
        )
    return None if feedback is None else fitting_feedback(feedback, before.generator, "evaluate")


def _names(extractors: Sequence[str] | None, task: Task | None) -> Sequence[str] | None:
    if isinstance(extractors, str):
        raise UsageError(f"evaluate(extractors): is a text; give a list: extractors=['{extractors}']")
    if extractors and task is None:
        raise UsageError("evaluate: extractors= compare with a data set; give feature= and dataset= too")
    return extractors


def _require_comparable(after: KnownGenerator, before: KnownGenerator) -> None:
    if before.made_of and before.made_of & after.names() and not after.made_of & before.names():
        raise UsageError(
            "evaluate: the two are swapped, original= was unlearned from unlearned=. Give the unlearned one first, "
            "then the original"
        )
    shapes = [(g.noise_dim, tuple(g.image_shape)) for g in (before.generator, after.generator)]
    if shapes[0] != shapes[1]:
        raise UsageError(
            f"evaluate: the generators differ in (noise_dim, image_shape): {shapes[0]} before, {shapes[1]} after; one "
            "was not made from the other"
        )
    if before.device != after.device:
        raise UsageError(
            f"evaluate: original lies on {before.device}, unlearned on {after.device}; move one: .to('{before.device}')"
        )
