"""Metrics: loading them, computing them from a pass, and naming the source of each number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.api import Columns, Extractor, Metric, Oracle, Statistics, Value
from bench.errors import BenchError, PluginError
from bench.evaluation.passes import Described, Pass
from bench.registry import Registry

WHY = {
    "counterfactual_error": "the data set cannot redraw images without the feature",
    "identifier_scores": "the method has no identifier",
}  # why a column is None; for all others: "no <column>"


def metric_columns(result: Pass, oracle: Oracle, extractors: Mapping[str, Extractor]) -> Columns:
    """Turn a pass into the columns that metrics read; ``oracle`` is the judge."""
    names = list(oracle.classifier.attributes)
    target = names.index(oracle.feature)
    scores, original_scores = result.unlearned.scores[:, target], result.original.scores[:, target]
    return Columns(
        labels=scores >= oracle.threshold,
        original_labels=original_scores >= oracle.threshold,
        scores=scores,
        original_scores=original_scores,
        identifier_scores=result.identifier_scores,
        pixel_change=result.pixel_change,
        attributes=_attributes(result.unlearned, oracle, extractors),
        original_attributes=_attributes(result.original, oracle, extractors),
        counterfactual_error=result.counterfactual_error,
    )


def compute_metrics(
    metrics: Mapping[str, Metric],
    columns: Columns,
    result: Pass,
    references: Mapping[str, tuple[Statistics | None, Statistics | None]],
) -> tuple[dict[str, Value], dict[str, str]]:
    """Compute every metric; returns the values by name, and the reason for every metric that was skipped.

    Parameters
    ----------
    metrics : mapping of str to Metric
    columns : Columns
    result : Pass
    references : mapping of str to pair
        Per extractor, statistics of the whole training set and of it without the target feature.
    """
    from dataclasses import replace

    values: dict[str, Value] = {}
    skipped: dict[str, str] = {}
    for name, metric in metrics.items():
        views = {"": columns}
        if metric.per_extractor:
            views = {
                f"[{x}]": replace(
                    columns,
                    extractor=x,
                    embeddings=result.unlearned.embeddings[x],
                    original_embeddings=result.original.embeddings[x],
                    logits=result.unlearned.logits[x],
                    original_logits=result.original.logits[x],
                    reference=reference,
                    reference_retain=retain,
                )
                for x, (reference, retain) in references.items()
            }
        for suffix, view in views.items():
            missing = sorted(WHY.get(c, f"no {c}") for c in metric.columns if getattr(view, c) is None)
            if missing:
                skipped[f"{name}{suffix}"] = " and ".join(missing)
                continue
            try:
                found = {f"{value}{suffix}": number for value, number in _computed(metric, view).items()}
                if twice := sorted(found.keys() & values.keys()):
                    raise BenchError(f"another metric also computes {', '.join(twice)}")
            except BenchError as error:
                skipped[f"{name}{suffix}"] = str(error)
            except Exception as error:  # one broken metric must not cost the others
                skipped[f"{name}{suffix}"] = f"{type(error).__name__}: {error}"
            else:
                values |= found
    return values, skipped


def _computed(metric: Metric, view: Columns) -> dict[str, Value]:
    """Compute a metric, as plain finite numbers that JSON can hold."""
    found = metric.compute(view)
    if not found:
        raise BenchError("not defined on these samples")
    for name, value in found.items():
        if not all(x is None or math.isfinite(x) for x in (value.value, value.low, value.high)):
            raise BenchError(f"{name} is {value.value}, interval {value.low} to {value.high}")
    return {
        name: Value(
            float(v.value),
            int(v.n),
            None if v.higher_is_better is None else bool(v.higher_is_better),
            None if v.low is None else float(v.low),
            None if v.high is None else float(v.high),
        )
        for name, v in found.items()
    }


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


def load_metrics(registry: Registry, asked: Sequence[str] | None = None) -> tuple[dict[str, Metric], dict[str, str]]:
    """Return the metrics by name, and why others are missing: broken plug-ins that were not asked for.

    Parameters
    ----------
    registry : Registry
    asked : sequence of str, optional
        Default: all registered metrics.

    Raises
    ------
    PluginError
        If a metric that was asked for does not load.
    """
    metrics, missing = {}, {}
    for name in asked or registry.names("metrics"):
        try:
            metrics[name] = registry.get("metrics", name, "--set evaluation.metrics")()
        except PluginError as error:
            if asked:
                raise
            missing[name] = str(error)
    return metrics, missing


def source_of(metric: str, extractors: Iterable[str], oracle: str) -> str:
    """Return the source of a metric's values: the extractor in its name, else ``oracle``."""
    extractor = next((name for name in extractors if f"[{name}]" in metric), None)
    return f"extractor {extractor}" if extractor else oracle
