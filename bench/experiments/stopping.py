"""One run, evaluated after several of its steps (``--evaluate-at``): each is a cell, which ends the main loop there.

A step draws from its own seed, so a run of 500 steps that is stopped after 10 is that run after 10 steps. What it would
resume from is kept, and the cell of a later step begins there: all of them together take the time of one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copyfile
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Params, Stateful, Unlearned
from bench.core import resuming
from bench.core.files import link
from bench.errors import UsageError

MAIN = (resuming.PHASE, "student", "unlearn")  # names of the loop whose steps count
KEPT = "kept"  # in a stage's folder


class Stopped:
    """A method that hands back what it has after a step of its main loop; everything else is the method's."""

    def __init__(self, method: Method[Any], step: int) -> None:
        self._method, self._step = method, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        """Unlearn up to the step."""
        stop(context, self._step)
        return self._method.unlearn(generator, feedback, context)


def stop(context: Context, at: int) -> None:
    """Let the main loop of a context end after so many steps, and keep what it would resume from."""
    plain = context.steps

    def steps(total: int, state: Mapping[str, Stateful], name: str = resuming.PHASE) -> Iterator[int]:
        for step in plain(total, state, name):
            if name in MAIN and step >= at:
                break  # resumed there
            yield step
            if name in MAIN and step + 1 == at:
                context._save(at, state)
                break
        _keep(context.checkpoint)
        context.progress.stop()

    context.steps = steps  # type: ignore[method-assign]


def _keep(checkpoint: Path | None) -> None:
    if checkpoint is None:
        return
    folder = checkpoint.parent / KEPT
    folder.mkdir(exist_ok=True)
    for path in checkpoint.parent.glob("checkpoint*.pt"):
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


# --- which steps there are ----------------------------------------------------------------------------


def steps_of(params: Params) -> int | None:
    """Return how many steps a method's main loop takes; None for a method without one."""
    epochs = getattr(params, "epochs", None)
    return epochs * getattr(params, "steps_per_epoch", 1) if isinstance(epochs, int) else None


def require_within(steps: int | None, params: Params, method: str) -> None:
    """Raise UsageError for a step beyond a run's last one."""
    last = steps_of(params)
    if steps is not None and last is not None and steps > last:
        raise UsageError(
            f"--evaluate-at {steps}: {method} takes {last} steps here. Name steps up to {last}, or let it take more: "
            f"-p epochs={steps}"
        )
