"""The context of an unlearning run: randomness, device, progress, checkpoints, and what ``needs`` names."""

from __future__ import annotations

import math
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.api.classifiers import Oracle
from bench.api.data import Split
from bench.api.models import Model, Networks, Stateful
from bench.core import randomness, resuming
from bench.core.progress import Progress, silent
from bench.errors import Diverged, Interrupted, PluginError

CHECKPOINT_SECONDS = 5.0  # least time between two saves
SAVING_SHARE = 20  # and at least 20 times as long as the last save took: saving takes at most 5 % of the time


@dataclass(frozen=True)
class TrainingData:
    """Given to a method that needs ``training_data``: the original training set and the model's recipe.

    Attributes
    ----------
    split : Split
        The training images and their attributes.
    target : (N,) bool array
        Which training images have the target feature.
    model : Model
        The plug-in, whose ``training_step`` continues the training.
    networks : Networks
        All trained networks; copy them before you change them.
    """

    split: Split
    target: Any
    model: Model[Any]
    networks: Networks[Any]


@dataclass(frozen=True)
class Recipe:
    """Given to a method that needs ``recipe``: how the generator was trained, without the training set.

    Attributes
    ----------
    model : Model
        The plug-in, whose ``batch_loss`` can be differentiated.
    networks : Networks
        All trained networks; copy them before you change them.
    """

    model: Model[Any]
    networks: Networks[Any]


@dataclass
class Context:
    """Randomness, device, progress and checkpoints of one unlearning run.

    Attributes
    ----------
    stream : str
        Random stream of this run, ``unlearn/<seed>``.
    device : torch.device
    oracle, encoder, discriminator, training_data, recipe
        Set if the method's ``needs`` names them, else None.
    checkpoint : Path or None
        File that ``steps`` saves to and resumes from.
    progress : Progress
    label : str
        What progress is shown as.
    prior : {"normal", "uniform"}
        Of the noise; the engine sets that of the generator.
    history : list of dict
        What ``log`` recorded, one entry per step; the phase too, if it has a name.
    seconds_before : float
        Wall time of the interrupted runs that this one resumes, s.
    stop_after : int or None
        The main loop ends after so many steps (``--evaluate-at``); None for all of them.
    """

    stream: str
    device: torch.device
    oracle: Oracle | None = None
    encoder: nn.Module | None = None
    discriminator: nn.Module | None = None
    training_data: TrainingData | None = None
    recipe: Recipe | None = None
    checkpoint: Path | None = None
    progress: Progress = field(default_factory=silent)
    label: str = "unlearn"
    prior: str = randomness.NORMAL
    history: list[dict[str, float | str]] = field(default_factory=list)
    seconds_before: float = 0.0
    stop_after: int | None = None
    _began: float = field(default_factory=time.monotonic, init=False)
    _phase: str = field(default=resuming.PHASE, init=False)
    _phases: list[str] = field(default_factory=list, init=False)
    _main: str | None = field(default=None, init=False)  # phase of the main loop
    _drawn: dict[tuple[str, str], int] = field(default_factory=dict, init=False)  # (phase, tag) to the last step

    def rng(self, step: int, tag: str = "") -> torch.Generator:
        """Return the random generator of one step, on the device.

        Parameters
        ----------
        step : int
        tag : str
            Sets draws of one step apart. A step gives each tag once, ``noise`` included: the same seed again would be
            the same numbers again.

        Raises
        ------
        PluginError
            If the tag was used in this step already.
        """
        phase = "" if self._phase == resuming.PHASE else self._phase
        if self._drawn.get((phase, tag)) == step:
            raise PluginError(
                f"context.noise and context.rng: step {step} was drawn already, and would give the same numbers. Give "
                'the second draw a tag: context.noise(step, ..., tag="second"), context.rng(step, tag="second")'
            )
        self._drawn[phase, tag] = step
        return randomness.generator("/".join([self.stream, *filter(None, (phase, tag))]), step, self.device)

    def noise(self, step: int, count: int, noise_dim: int, tag: str = "") -> Tensor:
        """Draw the noise of one step, (count, noise_dim) float32 on the device; ``tag`` as for ``rng``.

        It comes from the prior of the generator that is unlearned: N(0, I), or what the generator declares.
        """
        return randomness.noise((count, noise_dim), self.prior, self.rng(step, tag))

    def log(self, step: int, **values: float | Tensor) -> None:
        """Record scalar values of a step, such as losses; raise Diverged if one is NaN or infinite.

        They are kept with the cell's weights, as ``losses.csv``.
        """
        row = _as_floats(values)
        for name, value in row.items():
            if not math.isfinite(value):
                raise Diverged(step, name, value)
        phase = {} if self._phase == resuming.PHASE else {"phase": self._phase}
        self.history.append({"step": float(step), **phase, **row})
        self.progress.show(row)

    def steps(
        self, total: int, state: Mapping[str, Stateful], name: str = resuming.PHASE, main: bool = False
    ) -> Iterator[int]:
        """Yield the steps still to do, showing progress and saving ``state`` every few seconds.

        A run that was stopped resumes from its last checkpoint. Every step draws from its own seed, so the outcome
        is the same to the last bit. The first Ctrl-C saves and stops after the current step. A method may ``break`` out
        of its loop; what decides that must depend on ``state`` and the step alone, so that a resumed run does it too.

        Parameters
        ----------
        total : int
            Number of steps.
        state : mapping of str to Stateful
            Everything that changes from step to step: the student, its optimiser.
        name : str
            Of this phase, in letters, digits, "_" and "-". A method with several loops names each. A phase that ended
            before an interruption is restored as it ended, and yields nothing.
        main : bool
            Whether this loop is the one that unlearns, whose steps ``--evaluate-at`` counts. A loop without a name is.

        Raises
        ------
        PluginError
            If a phase of this name ran already, the name cannot be part of a file's name, or a second loop is the main
            one.
        """
        self._begin(name, main or name == resuming.PHASE)
        done = self._restore(state, total)
        end = total if self.stop_after is None or self._main != name else min(self.stop_after, total)
        self.progress.start(total, done, self.label if name == resuming.PHASE else f"{self.label}: {name}")
        saved, wait = time.monotonic(), CHECKPOINT_SECONDS
        with _deferred_interrupt() as interrupted:
            for step in range(done, end):
                try:
                    yield step
                except GeneratorExit:  # the method left its loop
                    self.progress.stop()
                    raise
                self.progress.advance()
                if interrupted.is_set() or time.monotonic() - saved > wait:
                    began = time.monotonic()
                    self._save(step + 1, state)
                    saved = time.monotonic()
                    wait = max(CHECKPOINT_SECONDS, SAVING_SHARE * (saved - began))
                if interrupted.is_set():
                    raise Interrupted(f"stopped after step {step + 1} of {total}")
        self.progress.stop()
        stopped = self.stop_after is not None and self._main == name
        if done < end and (stopped or name != resuming.PHASE):  # a later phase may be interrupted, a later step resumed
            self._save(end, state)

    def phases_to_main(self) -> list[str]:
        """Return the phases up to the main loop's, in order; none if no main loop has begun."""
        return [] if self._main is None else self._phases[: self._phases.index(self._main) + 1]

    def _begin(self, name: str, main: bool) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise PluginError(f"context.steps: the phase's name {name!r} holds other characters than A-Z a-z 0-9 _ -")
        if name in self._phases or (self._phases and resuming.PHASE in (name, *self._phases)):
            raise PluginError(
                "context.steps: a method with several loops must name each one: context.steps(n, state, "
                f"name=...). So far: {', '.join(self._phases)}"
            )
        if main and self._main is not None:
            raise PluginError(f"context.steps: '{name}' and '{self._main}' are both the main loop. Say main=True once")
        self._phases.append(name)
        self._phase = name
        self._main = name if main else self._main

    def _save(self, done: int, state: Mapping[str, Stateful]) -> None:
        if self.checkpoint is None:
            return
        content = {name: part.state_dict() for name, part in state.items()}
        seconds = self.seconds_before + time.monotonic() - self._began
        stored = {"done": done, "seconds": seconds, "history": self.history, "state": content}
        resuming.save(resuming.phase_file(self.checkpoint, self._phase), stored)

    def _restore(self, state: Mapping[str, Stateful], total: int) -> int:
        """Load the phase's checkpoint into ``state``; return how many steps are done, 0 if it cannot be used."""
        path = None if self.checkpoint is None else resuming.phase_file(self.checkpoint, self._phase)
        if path is None or not path.exists():
            return 0
        before = {name: deepcopy(part.state_dict()) for name, part in state.items()}
        try:
            stored = resuming.load(path)
            done, seconds, history = int(stored["done"]), float(stored["seconds"]), list(stored["history"])
            if not 0 <= done <= total or stored["state"].keys() != state.keys():
                raise resuming.Unusable("of another training")
            for name, part in state.items():
                part.load_state_dict(stored["state"][name])
        except (resuming.Unusable, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            for name, part in state.items():
                part.load_state_dict(before[name])
            reason = str(error) if isinstance(error, resuming.Unusable) else type(error).__name__
            self.progress.note(f"{path}: this checkpoint cannot be used ({reason}); starting again")
            return 0
        self.history[:], self.seconds_before = history, seconds
        return done


def _as_floats(values: Mapping[str, float | Tensor]) -> dict[str, float]:
    """Return scalars as floats; tensors of one type and place are read together, as a GPU waits at every reading."""
    read: dict[str, float] = {}
    tensors = {name: value.detach() for name, value in values.items() if isinstance(value, Tensor)}
    kind_of = {name: (tensor.device, tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
    for kind in dict.fromkeys(kind_of.values()):
        alike = [name for name in tensors if kind_of[name] == kind]
        read |= zip(alike, map(float, torch.stack([tensors[name] for name in alike]).cpu()), strict=True)
    return {name: read[name] if name in read else float(value) for name, value in values.items()}


@contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event; a second one interrupts at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    previous = signal.getsignal(signal.SIGINT)

    def remember(signum: int, frame: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, remember)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, previous)
