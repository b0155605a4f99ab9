"""One run, evaluated after several of its steps (``--evaluate-at``): each is a cell, which ends the main loop there.

A step draws from its own seed, so a run of 500 steps that is stopped after 10 is that run after 10 steps. What it would
resume from is kept, and the cell of a later step begins there: all of them together take the time of one run.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Unlearned
from bench.core import resuming
from bench.core.files import link
from bench.errors import PluginError

KEPT = "kept"  # in a stage's folder


class Stopped:
    """A method that returns what it has after a step of its main loop; everything else is the method's."""

    def __init__(self, method: Method[Any], step: int) -> None:
        self._method, self._step = method, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        """Unlearn up to the step, and keep what a later step would resume from.

        Raises
        ------
        PluginError
            If no loop of the method is its main one.
        """
        context.stop_after = self._step
        unlearned = self._method.unlearn(generator, feedback, context)
        if not context.phases_to_main():
            what = f"no loop of {type(self._method).__name__}.unlearn is its main one"
            remedy = "Mark the loop whose steps count: context.steps(..., main=True)"
            raise PluginError(f"--evaluate-at {self._step}: {what}. {remedy}")
        _keep(context)
        return unlearned


def _keep(context: Context) -> None:
    if context.checkpoint is None:
        return
    folder = context.checkpoint.parent / KEPT
    folder.mkdir(exist_ok=True)
    for phase in context.phases_to_main():
        path = resuming.phase_file(context.checkpoint, phase)
        if path.exists():
            copyfile(path, folder / path.name)


# --- what cells of one run share ----------------------------------------------------------------------


def begin(shared: Path, checkpoint: Path, step: int) -> None:
    """Begin a run where a cell of an earlier step of it ended, if one did and this one has not begun."""
    found = {int(path.name.partition("-")[0]) for path in shared.glob("*-checkpoint*.pt")}
    earlier = max((each for each in found if each <= step), default=None)
    if earlier is None or resuming.has_begun(checkpoint):
        return
    for path in shared.glob(f"{earlier}-checkpoint*.pt"):
        copyfile(path, checkpoint.with_name(path.name.partition("-")[2]))


def hand_on(shared: Path, folder: Path, step: int) -> None:
    """Move what a cell has kept to where cells of later steps look."""
    for path in (folder / KEPT).glob("checkpoint*.pt"):
        link(path, shared / f"{step}-{path.name}")
        path.unlink()
    if (folder / KEPT).is_dir():
        (folder / KEPT).rmdir()
