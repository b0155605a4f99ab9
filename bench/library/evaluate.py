"""Evaluation in Python: the pass and the metrics of a cell, with a data set's oracle or without one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from bench.api import Dataset, Generator, Metric, Oracle, Value
from bench.errors import UsageError, unknown
from bench.evaluation import removers, without_oracle
from bench.evaluation.metrics import columns_of, compute_metrics, load_metrics, source_of
from bench.evaluation.passes import Observers, Pass, Truth, run_pass
from bench.evaluation.references import references
from bench.library.arguments import device_of, oracle_of, require_generator, whole
from bench.library.generators import recall
from bench.library.places import PLUGINS, RESULTS, open_workspace
from bench.workspace.loading import LoadedClassifier
from bench.workspace.workspace import Oracles, Workspace

FIELDS = ("value", "low", "high", "n", "higher_is_better", "source", "skipped")
Look = Callable[[Observers, Truth | None], Pass]
NOTHING = "nothing"  # the feature, where nobody judges


@dataclass(frozen=True)
class Computed:
    """Metrics: values by name with what stood behind each, and for those that were not computed the reason."""

    values: dict[str, Value]
    sources: dict[str, str]
    skipped: dict[str, str]


def evaluate(
    unlearned: Generator,
    original: Generator,
    *,
    feature: str | None = None,
    dataset: str | None = None,
    threshold: float | None = None,
    oracle: str | Path | None = None,
    count: int = 10_000,
    extractors: Sequence[str] | None = None,
    plugins: str | Path | None = PLUGINS,
    data_dir: str | Path | None = None,
    results: str | Path = RESULTS,
) -> pd.DataFrame:
    """Measure how far a feature is gone and what else changed: what ``bench run`` measures, on the same samples.

    Parameters
    ----------
    unlearned, original : Generator
        After and before, on one device, in eval mode.
    feature, dataset : str, optional
        What should be gone, and the data set whose oracle judges and whose training set FID is against. Without them
        nobody can say which samples had the feature: only what the method flags and how much it changed is measured.
    threshold : float, optional
        The score from which the feature was clicked, as ``ask_oracle`` returned it; counts where an oracle clicks the
        top fraction of what it is shown. By default, as after a person's clicks, the training set's own cut.
    oracle : str or path-like, optional
        Zoo name or file of the trained classifier that judges, as ``--set oracle.evaluation=FILE``; by default the data
        set's own, ``<classifier>-<dataset>-b``. It should be another copy than the one that clicked.
    count : int
        Samples of the stream ``evaluation``, at least 2.
    extractors : sequence of str, optional
        For FID and the inception score; the data set's by default.
    plugins, data_dir, results : path-like, optional

    Returns
    -------
    DataFrame
        A row for each metric: ``value``, 95 % interval over samples ``low`` and ``high``, ``n``, ``higher_is_better``,
        and ``source``, the data and the judge behind the number; NaN or None where there is none. A metric that could
        not be computed has a row with no value and the reason in ``skipped``.

    Raises
    ------
    bench.errors.UsageError
        Unknown names, generators that do not fit each other or the data set, one of feature and dataset alone.
    bench.errors.CheckpointError
        If the oracle's weights are missing, with the command that makes them, or are another classifier's.
    """
    _require_task(feature, dataset, oracle)
    require_generator(unlearned, "evaluate(unlearned)")
    require_generator(original, "evaluate(original)")
    count = whole(count, 2, "evaluate(count)")
    workspace = open_workspace(device_of(original), plugins, data_dir, results)
    judge = None if dataset is None else oracle_of(workspace, dataset, "evaluation", oracle, "evaluate")
    _require_comparable(unlearned, original, None if dataset is None else workspace.dataset(dataset))
    metrics, broken = load_metrics(workspace.registry)

    def look(observers: Observers, truth: Truth | None) -> Pass:
        identifier = recall(unlearned).identifier
        return run_pass(original, unlearned, identifier, observers, count, workspace.progress, truth=truth)

    if feature is None or dataset is None or judge is None:
        found = _without_oracle(look, metrics, recall(unlearned).identifier)
    else:
        found = _judged(look, metrics, workspace, dataset, feature, judge, threshold, extractors)
    return _table(found, broken, f"{count} samples of {recall(original).model}")


def _judged(
    look: Look,
    metrics: Mapping[str, Metric],
    workspace: Workspace,
    dataset: str,
    feature: str,
    judge: LoadedClassifier,
    threshold: float | None,
    extractors: Sequence[str] | None,
) -> Computed:
    """Compute the metrics as a cell does."""
    plugin = workspace.dataset(dataset)
    if feature not in plugin.features:
        raise unknown("feature", feature, plugin.features, f"evaluate(dataset='{dataset}', feature=...)")
    cut = judge.classifier.cuts[feature] if threshold is None else threshold
    oracle = Oracles(judge, judge).of(feature, cut)[1]
    chosen = {name: workspace.extractor(name)[0] for name in (plugin.extractors if extractors is None else extractors)}
    remover = removers.remover_for(workspace, dataset, feature)
    result = look(Observers(oracle.classifier, chosen), None if remover is None else Truth(remover, oracle))
    against = references(workspace, dataset, chosen, feature)
    values, skipped = compute_metrics(metrics, columns_of(result, oracle, chosen), result, against)
    label = f"oracle {judge.label}"
    sources = {metric: f"{plugin.label}; {source_of(metric, chosen, label)}" for metric in values}
    return Computed(values, sources, skipped)


def _without_oracle(look: Look, metrics: Mapping[str, Metric], identifier: nn.Module | None) -> Computed:
    """Compute what is known without an oracle or a data set, as a cell does."""
    skipped = without_oracle.left_out(metrics)
    possible = {name: metric for name, metric in metrics.items() if name not in skipped}
    nobody = Oracle(without_oracle.NoOracle(NOTHING), "none", NOTHING, math.nan, None, None)
    result = look(Observers(nobody.classifier, {}), None)
    values, failed = compute_metrics(possible, columns_of(result, nobody, {}), result, {})
    values |= without_oracle.known(result, identifier)
    return Computed(values, dict.fromkeys(values, "no oracle"), {**skipped, **failed})


# --- what goes in and what comes out --------------------------------------------------------------------


def _require_task(feature: str | None, dataset: str | None, oracle: str | Path | None) -> None:
    if (feature is None) != (dataset is None):
        raise UsageError("evaluate: feature= and dataset= go together: the data set's oracle judges the feature")
    if oracle is not None and dataset is None:
        raise UsageError("evaluate: oracle= judges a feature of a data set; give feature= and dataset= too")


def _require_comparable(unlearned: Generator, original: Generator, dataset: Dataset | None) -> None:
    before, after = ((g.noise_dim, tuple(g.image_shape)) for g in (original, unlearned))
    if before != after:
        raise UsageError(
            f"evaluate: the generators differ in (noise_dim, image_shape): {before} before, {after} after; one was not "
            "made of the other"
        )
    if dataset is not None and before[1] != dataset.image_shape:
        raise UsageError(
            f"evaluate: the generator draws images {before[1]}; what judges {dataset.label} sees {dataset.image_shape}"
        )


def _table(found: Computed, broken: Mapping[str, str], samples: str) -> pd.DataFrame:
    rows: dict[str, dict[str, Any]] = {
        name: {**vars(value), "source": f"{found.sources[name]}; {samples}"}
        for name, value in sorted(found.values.items())
    }
    rows |= {name: {"skipped": reason} for name, reason in sorted({**broken, **found.skipped}.items())}
    table = pd.DataFrame.from_records(list(rows.values()), index=list(rows), columns=list(FIELDS))
    return table.astype({"n": "Int64"}).rename_axis("metric")
