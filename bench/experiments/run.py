"""One cell from beginning to end: its stages, its record, its files."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from numpy.typing import NDArray

from bench.api import Feedback, Value
from bench.core import machine
from bench.core.files import file_sha256, write_bytes
from bench.errors import BenchError, Diverged
from bench.evaluation.metrics import source_of
from bench.experiments.resolve import Resolved
from bench.experiments.stages import Trained, evaluate_stage, feedback_stage, loaded, unlearn_stage
from bench.workspace import checkpoint, pictures
from bench.workspace.record import (
    Artefact,
    Clicks,
    Cost,
    MachineFacts,
    Measurement,
    OraclePair,
    Provenance,
    Record,
    Status,
    Weights,
)


@dataclass(frozen=True)
class Outcome:
    """What the stages of a cell came to."""

    metrics: Mapping[str, Measurement]
    skipped_metrics: Mapping[str, str]
    artefacts: Mapping[str, Artefact]
    oracle: OraclePair | None
    clicks: Clicks


def run_cell(resolved: Resolved) -> Record:
    """Run the stages that are missing, and store the record; every outcome but an interruption is one.

    Raises
    ------
    BenchError
        If something must be mended before this cell can run; nothing is stored.
    """
    store, folder = resolved.workspace.store, resolved.folder
    began = folder.exists()
    with store.locked(folder):
        try:
            record = _outcome(resolved)
        except BenchError:
            if not began:
                rmtree(folder, ignore_errors=True)  # else `bench status` would call it resumable
            raise
        store.write(folder, record)
        return record


def _outcome(resolved: Resolved) -> Record:
    timings: dict[str, Cost] = {}
    try:
        if (reason := resolved.declined) is not None:
            return _record(resolved, "skipped", reason=reason)
        return _record(resolved, "ok", outcome=_stages(resolved, timings), timings=timings)
    except Diverged as error:
        return _record(resolved, "diverged", reason=str(error), timings=timings)
    except BenchError:
        raise
    except (Exception, SystemExit) as error:  # whatever a stranger's method does
        details = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        return _record(resolved, "failed", reason=details, timings=timings)


def _stages(resolved: Resolved, timings: dict[str, Cost]) -> Outcome:
    cell, judgement = resolved.cell, resolved.judgement
    with machine.measured() as took:
        feedback, threshold = feedback_stage(resolved)
    timings["feedback"] = Cost.model_validate(took)
    clicker, judge = judgement.oracles.of(cell.feature, threshold)
    trained = unlearn_stage(resolved, feedback, clicker)
    timings["unlearn"] = trained.cost
    with machine.measured() as took:
        result = evaluate_stage(resolved, trained.unlearned, judge)
        found = judgement.computed(
            resolved.workspace,
            cell.settings.dataset,
            resolved.metrics,
            loaded(resolved.extractors),
            result,
            judge,
            trained.unlearned.identifier,
        )
    timings["evaluate"] = Cost.model_validate(took)
    return Outcome(
        metrics={name: _measurement(resolved, name, value) for name, value in sorted(found.values.items())},
        skipped_metrics={**resolved.missing_metrics, **found.skipped},
        artefacts=_artefacts(resolved, trained, found.columns.original_labels, feedback),
        oracle=judgement.about(clicker, judge),
        clicks=Clicks(count=len(feedback), positives=feedback.positives),
    )


def _measurement(resolved: Resolved, name: str, value: Value) -> Measurement:
    """Add to a number which data and which judge stood behind it."""
    who = source_of(name, resolved.extractors, resolved.judgement.label)
    count = resolved.cell.settings.evaluation.count
    source = f"{resolved.dataset.label}; {who}; {count} samples of {resolved.cell.model}"
    return Measurement(**vars(value), source=source)


def _artefacts(
    resolved: Resolved, trained: Trained, original_labels: NDArray[Any], feedback: Feedback
) -> dict[str, Artefact]:
    weights = resolved.folder / "unlearned.safetensors"
    _link(trained.weights, weights)
    picture = resolved.folder / "before-after.png"
    labels, shown = resolved.judgement.pictured(original_labels, feedback)
    pictures.save_before_after(resolved.original.generator, trained.unlearned.generator, labels, picture, shown)
    return {
        "weights": Artefact(file=weights.name, sha256=checkpoint.read(weights).sha256),
        "picture": Artefact(file=picture.name, sha256=file_sha256(picture)),
    }


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        write_bytes(target, source.read_bytes())


def _record(
    resolved: Resolved,
    status: Status,
    *,
    reason: str | None = None,
    outcome: Outcome | None = None,
    timings: Mapping[str, Cost] | None = None,
) -> Record:
    cell = resolved.cell
    return Record(
        key=resolved.keys.evaluate,
        status=status,
        reason=reason,
        suite=cell.suite,
        method=cell.method,
        model=cell.model,
        dataset=cell.settings.dataset,
        feature=cell.feature,
        seed=cell.seed,
        params=cell.params.model_dump(mode="json"),
        needs=sorted(resolved.method.needs),
        metrics=dict(outcome.metrics) if outcome else {},
        skipped_metrics=dict(outcome.skipped_metrics) if outcome else {},
        provenance=_provenance(resolved, outcome),
        timings=dict(timings or {}),
        artefacts=dict(outcome.artefacts) if outcome else {},
    )


def _provenance(resolved: Resolved, outcome: Outcome | None) -> Provenance:
    return Provenance(
        machine=MachineFacts.model_validate(machine.provenance(resolved.workspace.device)),
        settings=resolved.cell.settings,
        data=resolved.dataset.label,
        weights=Weights(path=str(resolved.cell.weights), sha256=resolved.original.sha256),
        extractors={name: sha for name, (_, sha) in resolved.extractors.items()},
        stages=resolved.keys,
        oracle=outcome.oracle if outcome else None,
        feedback=outcome.clicks if outcome else None,
    )
