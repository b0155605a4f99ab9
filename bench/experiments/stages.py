"""The first stages of a cell, feedback and unlearn. Each outcome is kept, so that a stopped cell resumes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bench.api import Context, Feedback, Oracle, TrainingData, Unlearned
from bench.core import machine, resuming, sealed
from bench.core.files import write_bytes
from bench.errors import Diverged
from bench.evaluation.targets import target_mask
from bench.experiments.method_run import run_method
from bench.experiments.resolve import Resolved
from bench.feedback import file as feedback_file
from bench.feedback.oracle import simulate_feedback
from bench.workspace import loading, saving, seals
from bench.workspace.record import Cost


@dataclass(frozen=True)
class Trained:
    """The outcome of the unlearning stage: what was stored, read back."""

    unlearned: Unlearned
    weights: Path
    cost: Cost


# --- feedback -----------------------------------------------------------------------------------------


def feedback_stage(resolved: Resolved) -> tuple[Feedback, float]:
    """Return the clicks on the feature and on what else the method asks for, and the threshold behind them."""
    cell, judgement = resolved.cell, resolved.judgement
    if resolved.given is not None:
        feedback, stored = resolved.given
        threshold = judgement.threshold(stored.threshold, cell.feature)
        if stored.threshold is None and judgement.has_oracle:
            resolved.workspace.progress.note(
                f"{cell.feedback_file} holds no threshold: the oracle judges by its default cut, {threshold:.4g}"
            )
        return replace(feedback, also={name: feedback.also[name] for name in resolved.also}), threshold
    store, original = resolved.workspace.store, resolved.original
    folder = store.stage("feedback", resolved.keys.feedback)
    path = folder / "feedback.json"
    with store.locked(folder):
        if not seals.is_sealed(folder, resolved.keys.feedback, resolved.workspace.progress):
            _click(resolved, path)
            seals.seal(folder, resolved.keys.feedback, path.name)
        feedback, stored = feedback_file.from_file(path, original.sha256, original.generator)
    assert stored.threshold is not None
    return feedback, stored.threshold


def _click(resolved: Resolved, path: Path) -> None:
    """Let the feedback oracle click, and store the clicks."""
    cell, original, loaded = resolved.cell, resolved.original, resolved.judgement.oracles.feedback
    stream, count = f"feedback/{cell.seed}", cell.settings.feedback.count
    asked = (cell.feature, *resolved.also)
    feedback, threshold = simulate_feedback(original.generator, loaded.classifier, asked, stream, count)
    feedback.require_both_classes()
    oracle = loaded.oracle(cell.feature, threshold)
    described = feedback_file.to_file(
        path, feedback, cell.model, original.sha256, original.generator, oracle, cell.feature
    )
    sealed.write(path, described.model_dump(mode="json"))


# --- unlearn ------------------------------------------------------------------------------------------


def unlearn_stage(resolved: Resolved, feedback: Feedback, clicker: Oracle) -> Trained:
    """Unlearn, unless it was done before; what is returned is what was stored."""
    workspace = resolved.workspace
    folder = workspace.store.stage("unlearn", resolved.keys.unlearn)
    path, timing, started = folder / "unlearned.safetensors", folder / "timing.json", folder / "checkpoint.pt"
    with workspace.store.locked(folder):
        if not seals.is_sealed(folder, resolved.keys.unlearn, workspace.progress):
            try:
                unlearned, cost = _train(resolved, feedback, clicker, started)
            except Diverged:
                resuming.forget(started)  # nothing of it is reused
                raise
            write_bytes(timing, cost.model_dump_json().encode())
            kept = clicker if "oracle" in resolved.method.needs else None
            cell = resolved.cell
            saving.save_unlearned(path, resolved.original, unlearned, cell.method, cell.params, kept)
            seals.seal(folder, resolved.keys.unlearn, timing.name, path.name)
            resuming.forget(started)
    unlearned = loading.load_unlearned(workspace.registry, path)
    for module in (unlearned.generator, unlearned.identifier):
        if module is not None:
            module.to(workspace.device)
    return Trained(unlearned, path, Cost.model_validate_json(timing.read_text("utf-8")))


def _train(resolved: Resolved, feedback: Feedback, clicker: Oracle, started: Path) -> tuple[Unlearned, Cost]:
    workspace = resolved.workspace
    context = Context(
        stream=resolved.stream,
        device=workspace.device,
        checkpoint=started,
        progress=workspace.progress,
        label=f"unlearn ({resolved.cell.method})",
    )
    with machine.measured() as timing:
        unlearned = run_method(
            resolved.cell.method,
            resolved.method,
            resolved.original.networks,
            feedback,
            context,
            oracle=clicker,
            training_data=lambda: _training_data(resolved),
        )
    timing["seconds"] = round(timing["seconds"] + context.seconds_before, 3)
    return unlearned, Cost.model_validate(timing)


def _training_data(resolved: Resolved) -> TrainingData:
    split = resolved.dataset.split(resolved.dataset.training_split)
    target = target_mask(resolved.workspace, resolved.cell.settings.dataset, split, resolved.cell.feature)
    return TrainingData(split, target, resolved.original.model, resolved.original.networks)
