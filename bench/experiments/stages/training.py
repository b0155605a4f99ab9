"""The unlearning of a cell: the one place where its method unlearns. It hands back a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ConfigDict

from bench.api import Context, Feedback, Params, Recipe, TrainingData
from bench.core import machine, resuming
from bench.core.files import write_bytes
from bench.errors import Diverged
from bench.evaluation.targets import target_mask
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.method_run import run_method, stream_of
from bench.experiments.cells.resolve import configured
from bench.experiments.stages import losses
from bench.feedback import file as feedback_file
from bench.workspace.store.record import Cost
from bench.workspace.weights import loading, saving
from bench.workspace.workspace import Workspace


class Clicks(Params):
    """The file of the clicks, and their threshold.

    Attributes
    ----------
    file : Path
    threshold : float
        The score from which a clicked sample has the feature; infinite if no oracle scores.
    cut : float or None
        The score from which a training image has the feature, if scores of training images are on the clicks' scale:
        the generator's cut, where the oracle clicks a top share of its samples, or what a feedback file says.
    """

    model_config = ConfigDict(allow_inf_nan=True, ser_json_inf_nan="constants")

    file: Path
    threshold: float
    cut: float | None = None


@dataclass(frozen=True)
class Stage:
    """The files of an unlearning."""

    folder: Path

    @property
    def weights(self) -> Path:
        """The unlearned generator and the identifier."""
        return self.folder / "unlearned.safetensors"

    @property
    def cost(self) -> Path:
        """Time and memory of the unlearning; written before the weights."""
        return self.folder / "timing.json"

    @property
    def losses(self) -> Path:
        """The values that the method logged, if any."""
        return self.folder / losses.FILE

    @property
    def checkpoint(self) -> Path:
        """The file from which a stopped unlearning resumes."""
        return self.folder / "checkpoint.pt"


def read_clicks(clicks: Clicks, original: loading.Original, also: tuple[str, ...]) -> Feedback:
    """Return clicks on the feature and on the further attributes that a method asks for, and no others."""
    feedback, _ = feedback_file.from_file(clicks.file, original.sha256, original.generator)
    return replace(feedback, also={name: feedback.also[name] for name in also})


def train(cell: Cell, workspace: Workspace, stage: Stage, clicks: Clicks) -> None:
    """Unlearn, and write the outcome into the stage's folder.

    Raises
    ------
    Diverged
        If training diverged; nothing of it is kept.
    Exception
        Whatever the method raises.
    """
    method = configured(cell, workspace)
    original = workspace.original(cell.model, cell.weights)
    clicker = None
    if "oracle" in method.needs:
        found = workspace.oracles(cell.settings.dataset, cell.settings.oracle, cell.feature, ("feedback",))
        clicker = found["feedback"].oracle(cell.feature, clicks.threshold)
    context = Context(
        stream=stream_of(method.reads_feedback, method.trainings, cell.seed),
        device=workspace.device,
        checkpoint=stage.checkpoint,
        progress=workspace.progress,
        label=f"unlearn ({cell.method})",
    )
    stage.losses.unlink(missing_ok=True)
    try:
        with machine.measured() as took:
            unlearned = run_method(
                cell.method,
                method,
                original.networks,
                read_clicks(clicks, original, method.also_asks()),
                context,
                oracle=clicker,
                training_data=lambda: _training_data(cell, workspace, original, clicks.cut),
                recipe=lambda: Recipe(original.model, original.networks),
            )
    except Diverged:
        resuming.forget(stage.checkpoint)
        raise
    finally:
        losses.write(stage.losses, context.history)
    took["seconds"] = round(took["seconds"] + context.seconds_before, 3)
    write_bytes(stage.cost, Cost.model_validate(took).model_dump_json().encode())
    saving.save_unlearned(stage.weights, original, unlearned, cell.method, method.config, clicker)
    resuming.forget(stage.checkpoint)


def _training_data(cell: Cell, workspace: Workspace, original: loading.Original, cut: float | None) -> TrainingData:
    dataset = workspace.dataset(cell.settings.dataset)
    split = dataset.split(dataset.training_split)
    target = target_mask(workspace, cell.settings.dataset, split, cell.feature, cut)
    return TrainingData(split, target, original.model, original.networks)
