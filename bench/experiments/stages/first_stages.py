"""The first stages of a cell, feedback and unlearn. Each outcome is kept, so that a stopped cell resumes."""

from __future__ import annotations

from pathlib import Path

from bench.api import Feedback
from bench.core import modes, sealed
from bench.core.files import link
from bench.evaluation.targets import target_mask
from bench.experiments.cells import stopping
from bench.experiments.cells.keys import run_key
from bench.experiments.cells.resolve import Resolved
from bench.experiments.stages.cuts import generators_cut
from bench.experiments.stages.method_runner import MethodRunner
from bench.experiments.stages.training import Clicks, Stage, read_clicks
from bench.feedback import file as feedback_file
from bench.feedback.oracle import simulate_feedback
from bench.workspace.store import seals
from bench.workspace.store.record import Cost

# --- feedback -----------------------------------------------------------------------------------------


def feedback_stage(resolved: Resolved) -> tuple[Feedback, Clicks]:
    """Return the clicks on the feature and the method's further attributes; their file and threshold."""
    cell, judgement, original = resolved.cell, resolved.judgement, resolved.original
    cut, own = generators_cut(resolved), judgement.oracles.feedback.name == resolved.dataset.classifier
    if resolved.given is not None:
        assert cell.feedback_file is not None
        stored = resolved.given[1]
        threshold = judgement.threshold(stored.threshold if cut is None else cut, cell.feature)
        if stored.threshold is None and judgement.has_oracle:
            resolved.workspace.progress.note(
                f"{cell.feedback_file} holds no threshold: the oracle judges by its default cut, {threshold:.4g}"
            )
        ruler = stored.threshold if cut is None else cut
        clicks = Clicks(file=cell.feedback_file, threshold=threshold, cut=ruler if own else None)
        return read_clicks(clicks, original, resolved.method.also), clicks
    folder = resolved.workspace.store.stage("feedback", resolved.keys.feedback)
    path = folder / "feedback.json"
    with resolved.workspace.store.locked(folder):
        if not seals.is_sealed(folder, resolved.keys.feedback, resolved.workspace.progress):
            _click(resolved, path, cut)
            resolved.require_unchanged()
            seals.seal(folder, resolved.keys.feedback, resolved.workspace.device, path.name)
        _, stored = feedback_file.from_file(path, original.sha256, original.generator)
    assert stored.threshold is not None
    clicks = Clicks(file=path, threshold=stored.threshold, cut=cut if own else None)
    return read_clicks(clicks, original, resolved.method.also), clicks


@modes.convolutions(tf32=False)
def _click(resolved: Resolved, path: Path, cut: float | None) -> None:
    """Let the feedback oracle click, and store the clicks."""
    cell, original, loaded = resolved.cell, resolved.original, resolved.judgement.oracles.feedback
    stream, count = f"feedback/{cell.seed}", cell.settings.feedback.count
    asked = (cell.feature, *resolved.method.also)
    feedback, threshold = simulate_feedback(original.generator, loaded.classifier, asked, stream, count, cut)
    feedback.require_both_classes()
    oracle = loaded.oracle(cell.feature, threshold)
    described = feedback_file.to_file(
        path, feedback, cell.model, original.sha256, original.generator, oracle, cell.feature
    )
    sealed.write(path, described.model_dump(mode="json"))


# --- unlearn ------------------------------------------------------------------------------------------


def unlearn_stage(resolved: Resolved, clicks: Clicks, runner: MethodRunner, keep_as: Path) -> Cost:
    """Unlearn, unless it was done before, and keep the weights under a further name; returns what it cost."""
    workspace = resolved.workspace
    stage, key = Stage(workspace.store.stage("unlearn", resolved.keys.unlearn)), resolved.keys.unlearn
    if "training_data" in resolved.method.needs:  # scored here: other cells read what is stored of it
        split = resolved.dataset.split(resolved.dataset.training_split)
        target_mask(workspace, resolved.cell.settings.dataset, split, resolved.cell.feature)
    with workspace.store.locked(stage.folder, workspace.progress.note):
        if not seals.is_sealed(stage.folder, key, workspace.progress):
            _unlearn(resolved, clicks, runner, stage)
            resolved.require_unchanged()
            logged = [stage.losses.name] if stage.losses.exists() else []
            seals.seal(stage.folder, key, workspace.device, stage.cost.name, stage.weights.name, *logged)
        link(stage.weights, keep_as)
        return Cost.model_validate_json(stage.cost.read_text("utf-8"))


def _unlearn(resolved: Resolved, clicks: Clicks, runner: MethodRunner, stage: Stage) -> None:
    """Unlearn; up to a step, beginning where a cell of an earlier step of the same run ended."""
    if (step := resolved.cell.step) is None:
        return runner.unlearn(resolved, clicks)
    shared = resolved.workspace.store.stage("steps", run_key(resolved))
    shared.mkdir(parents=True, exist_ok=True)
    stopping.begin(shared, stage.checkpoint, step)
    runner.unlearn(resolved, clicks)
    stopping.hand_on(shared, stage.folder, step)
