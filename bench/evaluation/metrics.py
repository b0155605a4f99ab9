"""Computing metrics from a pass: the columns that they read, each metric's outcome, and the source of each number."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.api import Columns, Extractor, Metric, Oracle, Value
from bench.core.modes import untouched
from bench.errors import BenchError
from bench.evaluation.described import Described
from bench.evaluation.own_metrics import OwnMetric
from bench.evaluation.passes import Pass
from bench.evaluation.reference import Reference

WHY = {
    "counterfactual_error": "the data set cannot redraw images without the feature",
    "identifier_scores": "the method has no identifier",
    "flagged": "the method has no identifier with a threshold",
    "clicker_labels": "no oracle but the judge clicked",
    "clicker_original_labels": "no oracle but the judge clicked",
    "oracle_embeddings": "embeddings of what the judge learnt from are not here",
}  # why a column is None; for all others: "no <column>"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one metric.

    Attributes
    ----------
    values : dict of str to Value
        By name, the extractor's suffix included.
    skipped : dict of str to str
        The metric's name, with the suffix of an extractor where it was skipped for that one, to the reason.
    """

    values: dict[str, Value] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def metric_columns(
    result: Pass, oracle: Oracle, extractors: Mapping[str, Extractor], clicker: Oracle | None = None
) -> Columns:
    """Turn a pass into the columns that metrics read.

    ``oracle`` is the judge; ``clicker`` is the oracle that clicked, where that is another one.
    """
    target = list(oracle.classifier.attributes).index(oracle.feature)
    scores, original_scores = result.unlearned.scores[:, target], result.original.scores[:, target]
    return Columns(
        labels=scores >= oracle.threshold,
        original_labels=original_scores >= oracle.threshold,
        scores=scores,
        original_scores=original_scores,
        identifier_scores=result.identifier_scores,
        flagged=result.flagged,
        clicker_labels=_labels_of(result.unlearned, clicker),
        clicker_original_labels=_labels_of(result.original, clicker),
        pixel_change=result.pixel_change,
        attributes=_attributes(result.unlearned, oracle, extractors),
        original_attributes=_attributes(result.original, oracle, extractors),
        counterfactual_error=result.counterfactual_error,
    )


def compute_metrics(
    metrics: Mapping[str, Metric],
    columns: Columns,
    result: Pass,
    references: Mapping[str, Reference],
    reserved: Mapping[str, str],
) -> dict[str, Outcome]:
    """Compute every metric; returns each one's outcome.

    Parameters
    ----------
    metrics : mapping of str to Metric
    columns : Columns
    result : Pass
    references : mapping of str to Reference
        Per extractor.
    reserved : mapping of str to str
        Names of values that only one metric may use, and that metric.
    """
    found = {}
    for name, metric in sorted(metrics.items(), key=lambda item: item[0] not in reserved.values()):  # strangers' last
        outcome, looked = Outcome(), result.looked.get(name)
        views = dict(_views(metric, columns, result, references))
        if not views:
            outcome.skipped[name] = "the cell has no extractor (evaluation.extractors)"
        for suffix, view in views.items():
            try:
                if isinstance(looked, str):
                    raise BenchError(looked)
                with untouched():
                    numbers = _computed(metric, deepcopy(replace(view, looked=looked)))
                _require_own_names(name, metric, numbers, reserved)
            except BenchError as error:
                outcome.skipped[f"{name}{suffix}"] = str(error)
            except (Exception, SystemExit) as error:  # one broken metric must not cost the others
                outcome.skipped[f"{name}{suffix}"] = f"{type(error).__name__}: {error}"
            else:
                outcome.values.update({f"{value}{suffix}": number for value, number in numbers.items()})
        found[name] = outcome
    return found


def clashes(names: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return the metrics that share a value's name with another metric, each with the reason why both are dropped."""
    users: dict[str, list[str]] = {}
    for metric, values in sorted(names.items()):
        for value in values:
            users.setdefault(value, []).append(metric)
    return {
        metric: f"the metrics {' and '.join(who)} both compute '{value}'. Rename it in one of them"
        for value, who in users.items()
        if len(who) > 1
        for metric in who
    }


def source_of(value: str, metric: Metric, extractors: Iterable[str], oracle: str) -> str:
    """Return the source of a metric's value: the extractor in its name, the metric's own judge, or ``oracle``."""
    extractor = next((name for name in extractors if f"[{name}]" in value), None)
    own = metric.judge if isinstance(metric, OwnMetric) else None
    return f"extractor {extractor}" if extractor else own or oracle


def _views(
    metric: Metric,
    columns: Columns,
    result: Pass,
    references: Mapping[str, Reference],
) -> Iterator[tuple[str, Columns]]:
    """Yield the suffix of a metric's names with its columns: once, or once per extractor."""
    if not metric.per_extractor:
        yield "", columns
        return
    for x, embeddings in result.unlearned.embeddings.items():
        reference = references.get(x, Reference())
        yield (
            f"[{x}]",
            replace(
                columns,
                extractor=x,
                embeddings=embeddings,
                original_embeddings=result.original.embeddings[x],
                logits=result.unlearned.logits[x],
                original_logits=result.original.logits[x],
                reference=reference.whole,
                reference_retain=reference.retain,
                reference_counterfactual=reference.counterfactual,
                reference_embeddings=reference.embeddings,
                oracle_embeddings=reference.oracle,
            ),
        )


def _computed(metric: Metric, view: Columns) -> dict[str, Value]:
    """Compute a metric, as plain finite numbers that JSON can hold."""
    missing = sorted({WHY.get(c, f"no {c}") for c in metric.columns if getattr(view, c) is None})
    if missing:
        raise BenchError(" and ".join(missing))
    found = metric.compute(view)
    if not found:
        raise BenchError("not defined on these samples")
    for name, value in found.items():
        if not all(x is None or math.isfinite(x) for x in (value.value, value.low, value.high)):
            raise BenchError(f"{name} is {value.value}, interval {value.low} to {value.high}")
    return {name: _plain(value) for name, value in found.items()}


def _plain(v: Value) -> Value:
    return Value(
        float(v.value),
        int(v.n),
        None if v.higher_is_better is None else bool(v.higher_is_better),
        None if v.low is None else float(v.low),
        None if v.high is None else float(v.high),
        str(v.covers),
    )


def _require_own_names(name: str, metric: Metric, found: Iterable[str], reserved: Mapping[str, str]) -> None:
    """Raise BenchError if a metric uses a name of another one's, or one that it did not declare."""
    for value in found:
        base = value.partition("[")[0]
        if reserved.get(base, name) != name:
            raise BenchError(f"computes '{value}', a name that the benchmark uses itself. Choose another name")
        if metric.values and base not in metric.values:
            raise BenchError(f"computes '{value}', which its `values` do not name")


def _labels_of(seen: Described, clicker: Oracle | None) -> NDArray[np.bool_] | None:
    if clicker is None or seen.clicker_scores is None:
        return None
    labels: NDArray[np.bool_] = seen.clicker_scores[:, clicker.classifier.attributes.index(clicker.feature)] >= (
        clicker.threshold
    )
    return labels


def _attributes(seen: Described, oracle: Oracle, extractors: Mapping[str, Extractor]) -> pd.DataFrame:
    classifier, others = oracle.classifier, oracle.classifier.non_target(oracle.feature)
    columns: dict[str, NDArray[np.bool_]] = {
        name: seen.scores[:, i] >= classifier.cuts[name]
        for i, name in enumerate(classifier.attributes)
        if name in others
    }
    for name, extractor in extractors.items():
        if extractor.class_attribute is not None:
            predicted = seen.logits[name].argmax(axis=1)
            columns |= {f"{extractor.class_attribute}={c}": predicted == i for i, c in enumerate(extractor.classes)}
    return pd.DataFrame(columns)
