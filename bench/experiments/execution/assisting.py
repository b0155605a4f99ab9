"""The other processes of ``torchrun``: they take part in the trainings of the first one, and write nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import TypeVar

from bench.core import together
from bench.core.processes.channel import Channel
from bench.core.processes.line import Ended, Failed
from bench.core.processes.parent import Child
from bench.core.progress import Progress, silent
from bench.core.together import LOOK, Board, Order
from bench.errors import BenchError, MachineError
from bench.experiments.cells.assignment import Places, Training
from bench.experiments.cells.recipes import Recipe
from bench.experiments.execution import pretrain
from bench.experiments.execution.isolated import Order as Cell
from bench.experiments.stages.training import Stage, train

T = TypeVar("T")

LATE = 10.0  # seconds for this process to end a training that the first one has ended
ALONE = 60.0  # seconds for the first process to end a training that this one cannot continue
SAVES = 3.0  # seconds for the first process to save, when all are asked to stop


def alone(command: Callable[[], T], progress: Progress) -> T | None:
    """Run a command in this process only."""
    return command()


def with_the_others(command: Callable[[], T], progress: Progress) -> T | None:
    """Run a command in the first process of ``torchrun``, while the others take part in its trainings.

    Returns
    -------
    What the command returns; None in the others, when it has ended.
    """
    together.begin()
    if not together.begun():
        return command()
    board = Board()
    if together.rank() > 0:
        _assist(board, progress)
        return None
    try:
        return command()
    finally:
        board.close()


def _assist(board: Board, progress: Progress) -> None:
    number = 1
    while (order := board.wait_for(number)) is not None:
        if (reason := _taken_part(board, order)) is not None:
            who = f"process {together.rank()} of {together.launched()}"
            progress.note(f"{who}: {reason}")
            if not _ends(board, order, ALONE):
                raise MachineError(f"{who} cannot continue the shared training: {reason}")
        number += 1


def _taken_part(board: Board, order: Order) -> str | None:
    """Take part in a training; returns why this process could not end it, if it could not."""
    late: float | None = None
    with Child(order.work, json.dumps([order.number, order.text]), silent(), grace=0.0) as child:
        while late is None or time.monotonic() < late:
            try:
                child.answer(LOOK)
                return None
            except TimeoutError:
                if late is None and board.has_ended(order.number):
                    late = time.monotonic() + LATE
            except (BenchError, Ended, Failed) as error:
                return str(error).partition("\n")[0]
            except KeyboardInterrupt:
                _ends(board, order, SAVES)
                raise
    return None


def _ends(board: Board, order: Order, seconds: float) -> bool:
    """Wait until the first process has ended a training; say whether it has."""
    until = time.monotonic() + seconds
    while not board.has_ended(order.number):
        if time.monotonic() > until:
            return False
        time.sleep(LOOK)
    return True


# --- in a separate process -----------------------------------------------------------------------------


def unlearn(text: str, channel: Channel, progress: Progress) -> None:
    """Take part in the unlearning of a cell."""
    number, told = json.loads(text)
    order = Cell.model_validate_json(told)
    assert order.clicks is not None
    workspace = _here(order.assignment.places).open(progress)
    with TemporaryDirectory() as folder, together.joined(number):
        for begun in order.file.glob("checkpoint*.pt"):
            copy(begun, folder)
        train(order.assignment.cell, workspace, Stage(Path(folder)), order.clicks)


def train_generator(text: str, channel: Channel, progress: Progress) -> None:
    """Take part in the training of a generator, an oracle or an extractor."""
    number, told = json.loads(text)
    training = Training.model_validate_json(told)
    assert training.checkpoint is not None
    workspace = _here(training.places).open(progress)
    with together.joined(number):
        pretrain.take_part(workspace, Recipe(**training.recipe), training.checkpoint)


def _here(places: Places) -> Places:
    """Return places with this process's own device."""
    return places.model_copy(update={"device": "auto" if places.device.startswith("cuda") else places.device})
