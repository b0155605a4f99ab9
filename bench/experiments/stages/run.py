"""One cell from beginning to end: its stages, its record, its files."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from shutil import rmtree

from bench.api import Columns, Feedback
from bench.core import machine, resuming
from bench.core.files import file_sha256
from bench.core.processes.line import Ended, Failed
from bench.core.processes.watch import GB, NONE, Limits
from bench.errors import BenchError, Diverged, PluginError
from bench.experiments.cells.from_where import loaded_from
from bench.experiments.cells.resolve import Resolved
from bench.experiments.stages import losses
from bench.experiments.stages.evaluating import evaluate_stage, memories_of
from bench.experiments.stages.first_stages import feedback_stage, unlearn_stage
from bench.experiments.stages.helping import Helper
from bench.experiments.stages.measured import Measured, completed, measured, shown
from bench.experiments.stages.method_runner import LazyStudent, MethodRunner, stage_of
from bench.feedback import repeats
from bench.feedback.file import first_noise_hash
from bench.workspace import pictures
from bench.workspace.store import seals
from bench.workspace.store.record import (
    Artefact,
    CellLimits,
    Cost,
    MachineFacts,
    OraclePair,
    Provenance,
    Record,
    Status,
    Weights,
)
from bench.workspace.store.record import Clicks as ClickCounts
from bench.workspace.weights import checkpoint


@dataclass(frozen=True)
class Outcome:
    """The results of a cell's stages."""

    measured: Measured
    artefacts: Mapping[str, Artefact]
    oracle: OraclePair | None
    clicks: ClickCounts


def run_cell(resolved: Resolved, runner: MethodRunner, since: float | None = None) -> Record:
    """Run the stages that are missing, and store the record. Every outcome except an interruption is stored.

    Parameters
    ----------
    resolved : Resolved
    runner : MethodRunner
        Who runs the method.
    since : float, optional
        What is stored counts only if it was stored after this time, s since the epoch.

    Raises
    ------
    BenchError
        If something must be mended before this cell can run; nothing is stored.
    """
    store, folder = resolved.workspace.store, resolved.folder
    began = folder.exists()
    with store.locked(folder, resolved.workspace.progress.note, Helper(resolved, runner)):
        stored = _stored(resolved, since)
        try:
            if stored is None:
                record = _outcome(resolved, runner)
            else:
                record = completed(resolved, stored, runner) if stored.status == "ok" else stored
            if record is not stored:
                resolved.require_unchanged()
        except BenchError:
            if not began:
                rmtree(folder, ignore_errors=True)  # else `bench status` would call it resumable
            raise
        if record is not stored:
            store.write(folder, record)
        return shown(resolved, record)


def store_end(resolved: Resolved, status: Status, reason: str, since: float | None = None) -> Record:
    """Store the ending of a cell whose own processes could not store it.

    Raises
    ------
    PluginError
        If a result is stored: it stays, though it lacks a metric, or was to be made again.
    """
    store, folder = resolved.workspace.store, resolved.folder
    with store.locked(folder):
        stored = store.readable(folder, resolved.keys.evaluate)
        if stored is not None and stored.status == "ok":
            what = "a metric that is not stored yet cannot be computed" if since is None else "was not made again"
            raise PluginError(f"{folder.name}: {what}: {reason}")
        record = _record(resolved, status, reason=reason)
        store.write(folder, record)
    return record


def _stored(resolved: Resolved, since: float | None) -> Record | None:
    """Return a stored result, which another process may have stored while this one waited; forget one that is old."""
    record = resolved.workspace.store.readable(resolved.folder, resolved.keys.evaluate)
    if since is not None and (record is None or (resolved.folder / "result.json").stat().st_mtime <= since):
        _forget(resolved, since)
        return None
    return record if record is not None and record.status in ("ok", "skipped") else None


def _forget(resolved: Resolved, since: float) -> None:
    """Remove a stored result and the unlearning behind it, unless another cell has just made that again."""
    stage = stage_of(resolved)
    (resolved.folder / "result.json").unlink(missing_ok=True)
    with resolved.workspace.store.locked(stage.folder):
        if stage.weights.exists() and stage.weights.stat().st_mtime > since:
            return
        seals.open_seal(stage.folder)
        stage.weights.unlink(missing_ok=True)
        resuming.forget(stage.checkpoint)


def _outcome(resolved: Resolved, runner: MethodRunner) -> Record:
    timings: dict[str, Cost] = {}
    try:
        if resolved.declined is not None:
            return _record(resolved, "skipped", reason=resolved.declined)
        return _record(resolved, "ok", outcome=_stages(resolved, runner, timings), timings=timings)
    except Diverged as error:
        return _record(resolved, "diverged", reason=str(error), timings=timings)
    except BenchError:
        raise
    except Ended as error:
        status: Status = "killed" if error.code < 0 else "failed"
        return _record(resolved, status, reason=f"method '{resolved.cell.method}': {error}", timings=timings)
    except Failed as error:
        return _record(resolved, "failed", reason=str(error), timings=timings)
    except (Exception, SystemExit) as error:  # whatever a stranger's metric does
        details = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        return _record(resolved, "failed", reason=details, timings=timings)


def _stages(resolved: Resolved, runner: MethodRunner, timings: dict[str, Cost]) -> Outcome:
    cell, judgement = resolved.cell, resolved.judgement
    with machine.measured() as took:
        feedback, clicks = feedback_stage(resolved)
    timings["feedback"] = Cost.model_validate(took)
    clicker, judge = judgement.oracles.of(cell.feature, clicks.threshold)
    weights = resolved.folder / "unlearned.safetensors"
    timings["unlearn"] = unlearn_stage(resolved, clicks, runner, weights)
    sha256, picture = checkpoint.read(weights).sha256, resolved.folder / "before-after.png"
    with machine.measured() as took, LazyStudent(resolved, runner, lambda: weights) as student:
        columns, outcomes = evaluate_stage(resolved, sha256, student, (clicker, judge), resolved.metrics)
        labels, clicked = judgement.pictured(columns.original_labels, feedback)
        shown = clicked or Feedback(labels, cell.settings.evaluation.stream)
        pictures.save_before_after(resolved.original.generator, student().generator, labels, picture, shown)
        surest = _surest(resolved, columns)
    timings["evaluate"] = Cost.model_validate(took)
    return Outcome(
        measured=measured(resolved, outcomes),
        artefacts={
            "weights": Artefact(file=weights.name, sha256=sha256),
            "picture": Artefact(file=picture.name, sha256=file_sha256(picture)),
            **surest,
        },
        oracle=judgement.about(clicker, judge),
        clicks=ClickCounts(
            count=len(feedback),
            positives=feedback.positives,
            noise_sha256=first_noise_hash(feedback, resolved.original.generator),
        ),
    )


def _surest(resolved: Resolved, columns: Columns) -> dict[str, Artefact]:
    """Write the sheet of the original's samples in which the judge sees the feature most surely."""
    if not resolved.judgement.has_oracle:
        return {}
    sheet = resolved.folder / "judge-surest.png"
    stream = resolved.cell.settings.evaluation.stream
    pictures.save_surest(resolved.original.generator, columns.original_scores, stream, sheet)
    return {"surest": Artefact(file=sheet.name, sha256=file_sha256(sheet))}


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
        step=cell.step,
        needs=sorted(resolved.method.needs),
        metrics=outcome.measured.metrics if outcome else {},
        skipped_metrics=outcome.measured.skipped if outcome else {},
        metric_runs=outcome.measured.runs if outcome else {},
        provenance=_provenance(resolved, outcome),
        timings=dict(timings or {}),
        artefacts={**(outcome.artefacts if outcome else {}), **losses.kept(stage_of(resolved).losses, resolved.folder)},
    )


def _provenance(resolved: Resolved, outcome: Outcome | None) -> Provenance:
    facts = MachineFacts.model_validate(machine.provenance(resolved.workspace.device))
    return Provenance(
        machine=facts,
        limits=_limits(resolved.workspace.limits),
        stage_machines=_unlike(facts, resolved, outcome.artefacts["weights"].sha256) if outcome else {},
        settings=resolved.cell.settings,
        data=resolved.dataset.label,
        images=resolved.images,
        weights=Weights(path=str(resolved.cell.weights), sha256=resolved.original.sha256),
        extractors={name: sha for name, (_, sha) in resolved.extractors.items()},
        stages=resolved.keys,
        seen=memories_of(resolved) if outcome else {},
        oracle=outcome.oracle if outcome else None,
        feedback=_counted(resolved, outcome.clicks) if outcome else None,
        feedback_file=None if resolved.cell.feedback_file is None else str(resolved.cell.feedback_file),
        plugins=loaded_from(resolved),
        others_code=dict(resolved.sources),
    )


def _limits(limits: Limits) -> CellLimits | None:
    memory = None if limits.memory is None else limits.memory / GB
    return None if limits == NONE else CellLimits(seconds=limits.seconds, memory_gb=memory)


def _counted(resolved: Resolved, clicks: ClickCounts) -> ClickCounts:
    """Add to the counts of a person's clicks how consistent they are, if a file says so."""
    file = resolved.cell.feedback_file
    return clicks if file is None else clicks.model_copy(update={"repeats": repeats.read(file)})


def _unlike(facts: MachineFacts, resolved: Resolved, weights: str) -> dict[str, MachineFacts]:
    """Return the machine facts of the stages made on another machine, with other software or other threads."""
    store, keys = resolved.workspace.store, resolved.keys
    made = {name: seals.made_by(store.stage(name, key)) for name, key in keys.stages(weights).items()}
    found = {name: MachineFacts.model_validate(known) for name, known in made.items() if known is not None}
    return {name: known for name, known in found.items() if known.software != facts.software}
