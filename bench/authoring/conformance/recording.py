"""A context that records the steps taken, saves after each one, and can be interrupted after any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bench import api
from bench.core import resuming
from bench.errors import Interrupted


class Stop(NamedTuple):
    """A step after which a run is interrupted."""

    phase: str
    step: int
    total: int

    def __str__(self) -> str:
        phase = "" if self.phase == resuming.PHASE else f" of the phase '{self.phase}'"
        return f"step {self.step + 1} of {self.total}{phase}"


@dataclass
class RecordingContext(api.Context):
    """Saves after every step.

    Attributes
    ----------
    taken : list of Stop
        The steps that were taken, in order.
    stop : Stop or None
        The step after which it is interrupted.
    """

    taken: list[Stop] = field(default_factory=list)
    stop: Stop | None = None

    def steps(
        self, total: int, state: Mapping[str, api.Stateful], name: str = resuming.PHASE, main: bool = False
    ) -> Iterator[int]:
        for step in super().steps(total, state, name, main):
            yield step
            self._save(step + 1, state)
            self.taken.append(Stop(name, step, total))
            if self.stop == self.taken[-1]:
                raise Interrupted(f"stopped after {self.stop}")


def stops_of(taken: list[Stop]) -> list[Stop]:
    """Return where to interrupt: after the first and after the last step of every phase."""
    phases = {stop.phase: [other for other in taken if other.phase == stop.phase] for stop in taken}
    return list(dict.fromkeys(stop for steps in phases.values() for stop in (steps[0], steps[-1])))
