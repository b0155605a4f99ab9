"""The metrics of a record: each is stored with its own key, so that a missing one is computed alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.api import Oracle, Value
from bench.core import machine
from bench.errors import CheckpointError
from bench.evaluation.metrics import Outcome, clashes, source_of
from bench.experiments.cells.resolve import Resolved
from bench.experiments.stages.evaluating import evaluate_stage
from bench.experiments.stages.method_runner import LazyStudent, MethodRunner
from bench.workspace.store.record import MachineFacts, Measurement, MetricRun, Record
from bench.workspace.weights import checkpoint
from bench.workspace.weights.oracles import without_folders


@dataclass(frozen=True)
class Measured:
    """Values by name, why metrics were not computed, and the key of each metric."""

    metrics: dict[str, Measurement]
    skipped: dict[str, str]
    runs: dict[str, MetricRun]


@dataclass(frozen=True)
class _Entry:
    """The result of one metric."""

    run: MetricRun
    values: Mapping[str, Measurement]
    skipped: Mapping[str, str]


def measured(resolved: Resolved, outcomes: Mapping[str, Outcome], before: Record | None = None) -> Measured:
    """Return the values to store: those computed now, and those that the record held of other metrics.

    If two metrics use one name, both are dropped unless only one was requested.
    """
    entries = {} if before is None else _held(before)
    entries |= {name: _entry(resolved, name, outcome, before) for name, outcome in outcomes.items()}
    used = {value for name in entries.keys() & resolved.metric_keys.keys() for value in entries[name].values}
    entries = {n: e for n, e in entries.items() if n in resolved.metric_keys or not used & e.values.keys()}
    refused = clashes({name: entry.values for name, entry in entries.items()})
    entries = {name: entry for name, entry in entries.items() if name not in refused}
    return Measured(
        dict(sorted((name, value) for entry in entries.values() for name, value in entry.values.items())),
        {**resolved.missing_metrics, **{n: w for e in entries.values() for n, w in e.skipped.items()}, **refused},
        {name: entry.run for name, entry in entries.items()},
    )


def completed(resolved: Resolved, record: Record, runner: MethodRunner) -> Record:
    """Return a stored record with the metrics that it lacked.

    Raises
    ------
    CheckpointError
        If a metric looks at images and the weights that were evaluated are gone.
    """
    metrics = {name: resolved.metrics[name] for name in record.lacking(resolved.metric_keys)}
    if not metrics:
        return record
    with LazyStudent(resolved, runner, lambda: _evaluated(resolved, record)) as student:
        weights = record.artefacts["weights"].sha256
        _, outcomes = evaluate_stage(resolved, weights, student, _oracles(resolved, record), metrics)
    found = measured(resolved, outcomes, record)
    changed = {"metrics": found.metrics, "skipped_metrics": found.skipped, "metric_runs": found.runs}
    return record.model_copy(update=changed)


def shown(resolved: Resolved, record: Record) -> Record:
    """Return a record with the metrics that the cell asks for, as they are now; others stay in the store."""
    return record.showing(resolved.metric_keys, resolved.missing_metrics) if record.status == "ok" else record


def _held(record: Record) -> dict[str, _Entry]:
    return {
        name: _Entry(
            run,
            {value: found for value, found in record.metrics.items() if found.metric == name},
            {skipped: why for skipped, why in record.skipped_metrics.items() if skipped.partition("[")[0] == name},
        )
        for name, run in record.metric_runs.items()
    }


def _entry(resolved: Resolved, metric: str, outcome: Outcome, before: Record | None) -> _Entry:
    facts = MachineFacts.model_validate(machine.provenance(resolved.workspace.device))
    same = before is None or facts.software == before.provenance.machine.software
    return _Entry(
        MetricRun(key=resolved.metric_keys[metric], machine=None if same else facts),
        {name: _measurement(resolved, metric, name, value) for name, value in outcome.values.items()},
        outcome.skipped,
    )


def _measurement(resolved: Resolved, metric: str, name: str, value: Value) -> Measurement:
    """Add to a number which metric computed it, and which data and which judge stood behind it."""
    who = source_of(
        name, resolved.metrics[metric], resolved.extractors, resolved.judgement.behind(resolved.metrics[metric])
    )
    count = resolved.cell.settings.evaluation.count
    who = without_folders(who, resolved.judgement.oracles)
    source = f"{resolved.dataset.label}; {who}; {count} samples of {resolved.cell.model}"
    return Measurement(**vars(value), source=source, metric=metric)


def _oracles(resolved: Resolved, record: Record) -> tuple[Oracle, Oracle]:
    """Return the oracles that clicked for and judged a stored cell, with the thresholds that they had."""
    pair, oracles, feature = record.provenance.oracle, resolved.judgement.oracles, resolved.cell.feature
    judged = float("nan") if pair is None else pair.threshold
    clicked = float("nan") if pair is None or pair.feedback is None else pair.feedback.threshold
    return oracles.feedback.oracle(feature, clicked), oracles.evaluation.oracle(feature, judged)


def _evaluated(resolved: Resolved, record: Record) -> Path:
    """Return the weights that were evaluated."""
    path = resolved.folder / record.artefacts["weights"].file
    if not path.exists() or checkpoint.read(path).sha256 != record.artefacts["weights"].sha256:
        raise CheckpointError(
            f"{path}: are not the weights that were evaluated, and a metric must look at their samples. Make the cell "
            "again: --overwrite always"
        )
    return path
