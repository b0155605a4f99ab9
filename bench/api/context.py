"""What a method is given while it unlearns: randomness, device, progress, checkpoints, and what it needs."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from bench.api.classifiers import Oracle
from bench.api.data import Split
from bench.api.models import Model, Networks, Stateful
from bench.core import randomness
from bench.core.files import write_atomically
from bench.core.progress import Progress, silent
from bench.errors import Diverged, Interrupted

CHECKPOINT_SECONDS = 5.0


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


@dataclass
class Context:
    """Randomness, device, progress and checkpoints of one unlearning run.

    Attributes
    ----------
    stream : str
        Random stream of this run, ``unlearn/<seed>``.
    device : torch.device
    oracle, encoder, discriminator, training_data
        Set if the method's ``needs`` names them, else None.
    checkpoint : Path or None
        File that ``steps`` saves to and resumes from.
    progress : Progress
    label : str
        What progress is shown as.
    history : list of dict
        What ``log`` recorded, one entry per step.
    seconds_before : float
        Wall time of the interrupted runs that this one resumes, s.
    """

    stream: str
    device: torch.device
    oracle: Oracle | None = None
    encoder: nn.Module | None = None
    discriminator: nn.Module | None = None
    training_data: TrainingData | None = None
    checkpoint: Path | None = None
    progress: Progress = field(default_factory=silent)
    label: str = "unlearn"
    history: list[dict[str, float]] = field(default_factory=list)
    seconds_before: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def rng(self, step: int) -> torch.Generator:
        """Return the random generator of one step, on the device."""
        return randomness.generator(self.stream, step, self.device)

    def noise(self, step: int, count: int, noise_dim: int) -> Tensor:
        """Draw the noise of one step from N(0, I), (count, noise_dim) float32 on the device."""
        return torch.randn(count, noise_dim, generator=self.rng(step), device=self.device)

    def log(self, step: int, **values: float | Tensor) -> None:
        """Record scalar values of a step, such as losses; raise Diverged if one is NaN or infinite."""
        row = {name: float(v.detach()) if isinstance(v, Tensor) else float(v) for name, v in values.items()}
        for name, value in row.items():
            if not math.isfinite(value):
                raise Diverged(step, name, value)
        self.history.append({"step": float(step), **row})
        self.progress.show(row)

    def steps(self, total: int, state: Mapping[str, Stateful]) -> Iterator[int]:
        """Yield the steps still to do, showing progress and saving ``state`` every few seconds.

        A run that was stopped resumes from its last checkpoint. Every step draws from its own seed, so the outcome
        is the same to the last bit. The first Ctrl-C saves and stops after the current step.

        Parameters
        ----------
        total : int
            Number of steps.
        state : mapping of str to Stateful
            Everything that changes from step to step: the student, its optimiser.
        """
        done = self._restore(state)
        self.progress.start(total, done, self.label)
        saved = time.monotonic()
        with _deferred_interrupt() as interrupted:
            for step in range(done, total):
                yield step
                self.progress.advance()
                if interrupted.is_set() or time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self._save(step + 1, state)
                    saved = time.monotonic()
                if interrupted.is_set():
                    raise Interrupted(f"stopped after step {step + 1} of {total}")
        self.progress.stop()

    def _save(self, done: int, state: Mapping[str, Stateful]) -> None:
        if self.checkpoint is None:
            return
        content = {name: part.state_dict() for name, part in state.items()}
        with write_atomically(self.checkpoint) as file:
            seconds = self.seconds_before + time.monotonic() - self._began
            torch.save({"done": done, "seconds": seconds, "history": self.history, "state": content}, file)

    def _restore(self, state: Mapping[str, Stateful]) -> int:
        if self.checkpoint is None or not self.checkpoint.exists():
            return 0
        try:
            stored = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        except (OSError, EOFError, ValueError, RuntimeError, UnpicklingError) as error:
            self.progress.note(f"{self.checkpoint}: damaged checkpoint ({type(error).__name__}); starting again")
            return 0
        for name, part in state.items():
            part.load_state_dict(stored["state"][name])
        self.history[:] = stored["history"]
        self.seconds_before = stored["seconds"]
        return int(stored["done"])


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
