"""The operating points at which table ``damage`` compares methods: three damages and three removals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.report.comparing.curves import Axis, Spot, log_odds


@dataclass(frozen=True)
class Default:
    """One seed of the method that all others are compared with.

    Attributes
    ----------
    spot : Spot
        What it does at its default.
    n : int
        Samples.
    original : float or None
        The original generator's target ratio.
    """

    spot: Spot
    n: int
    original: float | None = None

    def fraction(self, share: float) -> float:
        """Return the log-odds of a share of the original's target ratio; NaN if that is not known."""
        return math.nan if self.original is None else log_odds(share * self.original, self.n)


@dataclass(frozen=True)
class Operating:
    """The quantity that is held equal.

    Attributes
    ----------
    axis : "damage" or "removal"
    level : callable
        Of a seed's default: the ``retain_change`` or the log-odds that is held equal on that seed.
    anywhere : bool
        Whether a curve that does not reach the level is compared at its own nearest end.
    """

    axis: Axis
    level: Callable[[Default], float]
    anywhere: bool = False


OPERATING: Mapping[str, Operating] = {
    "equal damage: that of the first at its default": Operating("damage", lambda d: d.spot.damage, anywhere=True),
    "equal damage: half of that": Operating("damage", lambda d: d.spot.damage / 2),
    "equal damage: a quarter more": Operating("damage", lambda d: d.spot.damage * 5 / 4),
    "equal removal: that of the first at its default": Operating("removal", lambda d: d.spot.log_odds, anywhere=True),
    "equal removal: to a tenth of the original": Operating("removal", lambda d: d.fraction(1 / 10)),
    "equal removal: to a twentieth of the original": Operating("removal", lambda d: d.fraction(1 / 20)),
}
