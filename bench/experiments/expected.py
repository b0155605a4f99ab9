"""How long cells and trainings should take, and what that is estimated from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from bench.core.reading import read_toml
from bench.workspace.record import Record

TIMES = Path(__file__).parent / "expected_times.toml"


class Expected(NamedTuple):
    """A wall time in seconds, None if nothing is known, and what it is estimated from."""

    seconds: float | None
    basis: str

    def __str__(self) -> str:
        return (
            f"time unknown: {self.basis}" if self.seconds is None else f"about {duration(self.seconds)}: {self.basis}"
        )


def expected_cell(suite: str, method: str, model: str, past: Sequence[Record]) -> Expected:
    """Estimate a cell's time: from stored cells of the same suite, method and model, else from the shipped times."""
    same = [r for r in past if (r.suite, r.method, r.model) == (suite, method, model)]
    if same:
        totals = sorted(sum(cost.seconds for cost in record.timings.values()) for record in same)
        return Expected(totals[len(totals) // 2], "median of the stored cells of this method and model")
    return _shipped(suite, model, method) or Expected(None, "never measured")


def expected_training(suite: str, model: str) -> Expected:
    """Estimate the time of training a model's generator."""
    return _shipped(suite, model, "pretrain") or Expected(None, "never measured")


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it: "40 s", "12 min", "7.5 h", "3.2 days"."""
    for unit, length in (("days", 86400), ("h", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def _shipped(suite: str, model: str, what: str) -> Expected | None:
    times = shipped_times().get(suite, {})
    seconds = times.get(model, {}).get(what)
    return None if seconds is None else Expected(float(seconds), times["basis"])


@cache
def shipped_times() -> dict[str, Any]:
    """Return the shipped times: suite to model to method to seconds, and each suite's ``basis``."""
    return read_toml(TIMES)
