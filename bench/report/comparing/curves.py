"""A method's curve of target ratio against ``retain_change``, and where it crosses a damage or a removal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Axis = Literal["damage", "removal"]


@dataclass(frozen=True)
class Spot:
    """A place on a curve.

    Attributes
    ----------
    damage : float
        ``retain_change``.
    log_odds : float
        Of the share that still has the feature, (positives + 1/2) / (samples + 1), which is never 0 or 1.
    """

    damage: float
    log_odds: float

    @property
    def share(self) -> float:
        """(positives + 1/2) / (samples + 1)."""
        return 1 / (1 + math.exp(-self.log_odds))

    def ratio(self, n: int) -> float:
        """Return the target ratio of n samples that the share stands for."""
        return max(0.0, (self.share * (n + 1) - 0.5) / n)

    def along(self, axis: Axis) -> float:
        """Return the quantity that is held equal."""
        return self.damage if axis == "damage" else self.log_odds

    def compared(self, axis: Axis) -> float:
        """Return the logarithm of the compared quantity: of the share, or of the damage (-inf for none)."""
        if axis == "damage":
            return math.log(self.share)
        return math.log(self.damage) if self.damage > 0 else -math.inf


def log_odds(ratio: float, n: int) -> float:
    """Return the log-odds of (positives + 1/2) / (samples + 1)."""
    return math.log((ratio * n + 0.5) / ((1 - ratio) * n + 0.5))


def measured(ratio: float, n: int, change: float) -> Spot:
    """Return the spot of one cell: its target ratio, of how many samples, and its ``retain_change``."""
    return Spot(change, log_odds(ratio, n))


def spot_at(curve: Sequence[Spot], axis: Axis, level: float) -> Spot | None:
    """Return where a curve first crosses a level, in order of damage; None if it does not.

    Between neighbours the log-odds are linear in the damage.

    Parameters
    ----------
    curve : sequence of Spot
        At least one, in any order.
    axis : "damage" or "removal"
    level : float
        A ``retain_change``, or log-odds.
    """
    spots = sorted(curve, key=lambda spot: spot.damage)
    for left, right in pairwise([*spots, spots[-1]]):
        x, y = left.along(axis), right.along(axis)
        if x == level:
            return left
        if min(x, y) < level < max(x, y):
            return _between(left, right, (level - x) / (y - x))
    return None


def nearest(curve: Sequence[Spot], axis: Axis, level: float) -> Spot:
    """Return the spot of a curve that is nearest to a level; of several, that of the least damage."""
    return min(curve, key=lambda spot: (abs(spot.along(axis) - level), spot.damage))


def _between(left: Spot, right: Spot, part: float) -> Spot:
    return Spot(
        left.damage + part * (right.damage - left.damage), left.log_odds + part * (right.log_odds - left.log_odds)
    )
