"""Limits on the time and memory of a process and all that it starts, checked a few times a second."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.core.processes import family

EVERY = 0.2  # seconds between two looks
GB = 10**9


@dataclass(frozen=True)
class Limits:
    """The time and memory that a cell may use; None: no limit.

    Attributes
    ----------
    seconds : float or None
        ``--time-limit``: wall time, without what it waits for others.
    memory : int or None
        ``--memory-limit``, bytes: of all its processes together.
    """

    seconds: float | None = None
    memory: int | None = None


NONE = Limits()


class OverLimit(Exception):
    """A process that exceeded a limit.

    Attributes
    ----------
    status : {"timeout", "killed"}
    """

    def __init__(self, status: Literal["timeout", "killed"], text: str) -> None:
        super().__init__(text)
        self.status: Literal["timeout", "killed"] = status


class Watch:
    """Looks whether processes keep to their limits.

    Parameters
    ----------
    limits : Limits
    leaders : sequence of int
        Process numbers; what they start counts too.
    """

    def __init__(self, limits: Limits, leaders: Sequence[int]) -> None:
        self._limits, self._leaders = limits, leaders
        self._began = self._looked = time.monotonic()
        self._waits_since: float | None = None

    @property
    def needed(self) -> bool:
        """Whether there is a limit."""
        return self._limits != NONE

    def waits(self, what: str | None) -> None:
        """Stop the clock while the process waits for another one; None: it works again."""
        now = time.monotonic()
        if self._waits_since is not None:
            self._began += now - self._waits_since
        self._waits_since = None if what is None else now

    def look(self) -> None:
        """Raise OverLimit if a limit is passed; looks rarely, however often it is called."""
        now = time.monotonic()
        if not self.needed or now - self._looked < EVERY:
            return
        self._looked = now
        self._look_at_time(now)
        self._look_at_memory()

    def _look_at_time(self, now: float) -> None:
        limit = self._limits.seconds
        if limit is not None and self._waits_since is None and now - self._began > limit:
            raise OverLimit("timeout", f"took longer than --time-limit {limit:g} s")

    def _look_at_memory(self) -> None:
        limit = self._limits.memory
        if limit is None:
            return
        pids = family.members(self._leaders)
        if family.resident(pids) > limit and (used := family.memory_of(pids)) > limit:
            raise OverLimit("killed", f"used {used / GB:.2f} GB, more than --memory-limit {limit / GB:g} GB")
