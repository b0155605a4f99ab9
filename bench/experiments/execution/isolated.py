"""Run a cell in separate processes: one judges and does not import the method, one unlearns, one draws.

Each is told what to do as text, loads everything itself, and hands back files, plain values and arrays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from numpy.typing import NDArray
from pydantic import ConfigDict
from torch import Tensor, nn

from bench.api import Params
from bench.core import modes, together
from bench.core.processes.channel import Channel, Message
from bench.core.processes.line import GRACE, Ended, Failed, Helper, Line
from bench.core.processes.parent import Child
from bench.core.progress import Progress
from bench.errors import PluginError
from bench.evaluation.drawing import RemoteDrawing
from bench.experiments.cells.assignment import Assignment, Places, Training
from bench.experiments.cells.recipes import Recipe
from bench.experiments.cells.resolve import Resolved
from bench.experiments.execution import pretrain
from bench.experiments.execution.supervised import judged
from bench.experiments.stages.helping import help_until_it_ends
from bench.experiments.stages.measured import shown
from bench.experiments.stages.method_runner import Student, load_student
from bench.experiments.stages.run import run_cell, store_end
from bench.experiments.stages.training import Clicks, Stage, train
from bench.toolkit.latent import Direction
from bench.workspace.store.record import Record, Status
from bench.workspace.workspace import Workspace

# --- a cell -------------------------------------------------------------------------------------------


def run_apart(resolved: Resolved, since: float | None = None) -> Record:
    """Run a cell in a separate process; if that process dies, this is the stored outcome.

    Raises
    ------
    BenchError
        If something must be mended before this cell can run.
    """
    workspace = resolved.workspace
    text = Assignment.of(resolved, since).model_dump_json()
    ending = judged(text, resolved.folder, workspace.limits, workspace.progress)
    if ending is not None:
        return store_end(resolved, cast(Status, ending.status), ending.reason, since)
    record = workspace.store.read(resolved.folder, resolved.keys.evaluate)
    assert record is not None
    return shown(resolved, record)


def judge(text: str, channel: Channel, progress: Progress, learner: Helper, artist: Helper) -> None:
    """Run a cell in this process, or help the process that runs it; its method runs in two others."""
    assignment = Assignment.model_validate_json(text)
    resolved = assignment.resolved(assignment.places.open(progress))
    runner = IsolatedRunner(assignment, learner, artist)
    if assignment.helps:
        help_until_it_ends(resolved, runner)
    else:
        run_cell(resolved, runner, assignment.since)


def store_ending(text: str, channel: Channel, progress: Progress) -> None:
    """Store how a cell ended that could not store that itself."""
    told, status, reason = json.loads(text)
    assignment = Assignment.model_validate_json(told)
    store_end(assignment.resolved(assignment.places.open(progress)), status, reason, assignment.since)


# --- its method ---------------------------------------------------------------------------------------


class Order(Params):
    """The instructions for a process that imports a method."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    assignment: Assignment
    file: Path
    clicks: Clicks | None = None


@dataclass(frozen=True)
class IsolatedRunner:
    """Runs a method in separate processes: one unlearns, another draws with the stored weights."""

    assignment: Assignment
    learner: Helper
    artist: Helper

    def unlearn(self, resolved: Resolved, clicks: Clicks) -> None:
        """Unlearn, and leave the outcome in the stage's folder."""
        folder = resolved.workspace.store.stage("unlearn", resolved.keys.unlearn)
        order = Order(assignment=self.assignment, file=folder, clicks=clicks)
        with self.learner.order(order.model_dump_json()) as learner:
            learner.answer()

    @contextmanager
    def student(self, resolved: Resolved, weights: Path) -> Iterator[Student]:
        """Load an unlearned generator in a process that draws with it."""
        order = Order(assignment=self.assignment, file=weights)
        with self.artist.order(order.model_dump_json()) as artist:
            about = artist.answer().content
            identifier = RemoteModule(artist, "identify", about["threshold"]) if about["identifies"] else None
            generator, device = RemoteGenerator(artist, self.assignment.places.threads > 1), resolved.workspace.device
            yield Student(generator, identifier, about["same"], lambda: _direction(artist.ask("direction"), device))


class RemoteModule(nn.Module):
    """A module of another process: sends it (N, D) numbers, and returns its answer on the same device."""

    def __init__(self, line: Line, kind: str, threshold: float | None = None) -> None:
        super().__init__()
        self._line, self._kind = line, kind
        self.threshold = threshold

    def forward(self, given: Tensor) -> Tensor:
        """Ask."""
        return self.asked(self._kind, given)

    def asked(self, kind: str, *given: Tensor) -> Tensor:
        """Ask something else."""
        self._line.tell(kind, arrays=[each.detach().cpu().numpy() for each in given])
        return self._answer(given[0].device)

    def _answer(self, device: torch.device) -> Tensor:
        (answer,) = self._line.answer().arrays
        return torch.from_numpy(answer).to(device)


class RemoteGenerator(RemoteModule, RemoteDrawing):
    """A generator of another process; both compute at once if there are threads for both."""

    def __init__(self, line: Line, at_once: bool) -> None:
        super().__init__(line, "draw")
        self.at_once = at_once

    def begin(self, noise: Tensor) -> Callable[[], Tensor]:
        """Ask for images of noise (N, D), and return a function that waits for them."""
        self._line.tell(self._kind, arrays=[noise.detach().cpu().numpy()])
        return partial(self._answer, noise.device)

    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:
        """Draw images from latents (N, L), and from noise (N, D) that supplies the rest."""
        return self.asked("decode", latents, noise)


def unlearn(text: str, channel: Channel, progress: Progress) -> None:
    """Import the method, and unlearn."""
    order = Order.model_validate_json(text)
    assert order.clicks is not None
    workspace = order.assignment.places.open(progress)
    with together.offered("bench.experiments.execution.assisting:unlearn", text):
        train(order.assignment.cell, workspace, Stage(order.file), order.clicks)


@modes.convolutions(tf32=False)
@torch.no_grad()
def draw(text: str, channel: Channel, progress: Progress) -> None:
    """Rebuild the method's generator and identifier, and answer until the other end closes."""
    order = Order.model_validate_json(text)
    workspace = order.assignment.places.open(progress)
    student = load_student(workspace, order.assignment.cell, order.file)
    identifier = student.identifier
    threshold = getattr(identifier, "threshold", None)
    generator: Any = student.generator
    about = {"same": student.same, "identifies": identifier is not None, "threshold": _number(threshold)}
    channel.send("ready", about)
    asked = {"draw": generator, "decode": generator.decode, "identify": identifier}
    with modes.half_the_threads():  # the judge computes with the others
        _answer_all(channel, asked, student, workspace.device)


def _answer_all(channel: Channel, asked: Mapping[str, Any], student: Student, device: torch.device) -> None:
    while True:
        try:
            message = channel.receive()
        except EOFError:
            return
        if message.kind == "direction":
            channel.send("direction", *_told(student.direction()))
            continue
        answer = asked[message.kind](*(torch.from_numpy(array).to(device) for array in message.arrays))
        channel.send("drawn", arrays=[answer.cpu().numpy()])


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _told(direction: Direction | None) -> tuple[dict[str, bool] | None, list[NDArray[Any]]]:
    """Return a direction as plain values and arrays."""
    if direction is None:
        return None, []
    form = {"reflect": direction.reflect, "oblique": direction.oblique}
    names = Direction(len(direction.unit), **form).state_dict()
    return form, [getattr(direction, name).cpu().numpy() for name in names]


def _direction(told: Message, device: torch.device) -> Direction | None:
    """Return a direction that was told."""
    if told.content is None:
        return None
    direction = Direction(len(told.arrays[0]), **told.content)
    direction.load_state_dict(dict(zip(direction.state_dict(), map(torch.from_numpy, told.arrays), strict=True)))
    return direction.to(device)


# --- what else runs strangers' code -------------------------------------------------------------------


def pretrain_apart(workspace: Workspace, recipe: Recipe) -> None:
    """Train a generator in a separate process, in which no method was imported."""
    text = Training(places=Places.of(workspace), recipe=vars(recipe)).model_dump_json()
    with Child(f"{__name__}:train_generator", text, workspace.progress, GRACE) as child:
        try:
            child.answer()
        except (Ended, Failed) as error:
            raise PluginError(f"training of {recipe.singular} '{recipe.name}': {error}") from error


def train_generator(text: str, channel: Channel, progress: Progress) -> None:
    """Train a generator."""
    told = Training.model_validate_json(text)
    pretrain.pretrain(told.places.open(progress), Recipe(**told.recipe))
