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

from bench.api import Feedback
from bench.core import machine
from bench.core.files import file_sha256, write_bytes
from bench.errors import BenchError, Diverged
from bench.evaluation.images import images_read
from bench.experiments.evaluating import evaluate_stage
from bench.experiments.measured import Measured, completed, measured, shown
from bench.experiments.resolve import Resolved
from bench.experiments.stages import Trained, feedback_stage, unlearn_stage
from bench.workspace import checkpoint, pictures
from bench.workspace.record import (
    Artefact,
    Clicks,
    Cost,
    MachineFacts,
    OraclePair,
    Provenance,
    Record,
    Status,
    Weights,
)


@dataclass(frozen=True)
class Outcome:
    """What the stages of a cell came to."""

    measured: Measured
    artefacts: Mapping[str, Artefact]
    oracle: OraclePair | None
    clicks: Clicks


def run_cell(resolved: Resolved) -> Record:
    """Run what is missing, stages or metrics, and store the record; every outcome but an interruption is one.

    Raises
    ------
    BenchError
        If something must be mended before this cell can run; nothing is stored.
    """
    store, folder = resolved.workspace.store, resolved.folder
    began = folder.exists()
    with store.locked(folder):
        stored = store.readable(folder, resolved.keys.evaluate)
        try:
            record = completed(resolved, stored) if stored and stored.status == "ok" else _outcome(resolved)
        except BenchError:
            if not began:
                rmtree(folder, ignore_errors=True)  # else `bench status` would call it resumable
            raise
        store.write(folder, record)
        return shown(resolved, record)


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
        columns, outcomes = evaluate_stage(resolved, lambda: trained.unlearned, judge, resolved.metrics)
    timings["evaluate"] = Cost.model_validate(took)
    return Outcome(
        measured=measured(resolved, outcomes),
        artefacts=_artefacts(resolved, trained, columns.original_labels, feedback),
        oracle=judgement.about(clicker, judge),
        clicks=Clicks(count=len(feedback), positives=feedback.positives),
    )


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
        metrics=outcome.measured.metrics if outcome else {},
        skipped_metrics=outcome.measured.skipped if outcome else {},
        metric_runs=outcome.measured.runs if outcome else {},
        provenance=_provenance(resolved, outcome),
        timings=dict(timings or {}),
        artefacts=dict(outcome.artefacts) if outcome else {},
    )


def _provenance(resolved: Resolved, outcome: Outcome | None) -> Provenance:
    return Provenance(
        machine=MachineFacts.model_validate(machine.provenance(resolved.workspace.device)),
        settings=resolved.cell.settings,
        data=resolved.dataset.label,
        images=images_read(resolved.workspace, resolved.cell.settings.dataset),
        weights=Weights(path=str(resolved.cell.weights), sha256=resolved.original.sha256),
        extractors={name: sha for name, (_, sha) in resolved.extractors.items()},
        stages=resolved.keys,
        oracle=outcome.oracle if outcome else None,
        feedback=outcome.clicks if outcome else None,
    )
