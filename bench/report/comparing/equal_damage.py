"""Which method is better at equal damage, or at equal removal: curves read, seed by seed, at one operating point.

A method that changes more removes more, so ratios alone rank nothing. Each family (one method, one parameter varied)
gives one curve of target ratio against ``retain_change`` per seed (``curves.py``), read where an operating point says
(``operating.py``) and compared with the curve of the first family by the logarithm of the ratio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.report.comparing.curves import Axis, Spot, nearest, spot_at
from bench.report.comparing.operating import Default, Operating
from bench.report.comparing.paired import Factor, factor

Curves = Mapping[int, Sequence[Spot]]  # by seed


@dataclass(frozen=True)
class Read:
    """A family and the first one, on one seed.

    Attributes
    ----------
    own, first : Spot
    moved : bool
        Whether they are read elsewhere than at the operating point, at the family's own nearest end.
    bound : str
        "at most" or "at least" if the first family's curve does not reach that end either: what the ratio is, as far
        as more change removes more.
    """

    own: Spot
    first: Spot
    moved: bool = False
    bound: str = ""


@dataclass(frozen=True)
class Comparison:
    """A family and the first one at one operating point, over seeds.

    Attributes
    ----------
    axis : "damage" or "removal"
    reads : sequence of (int, Read)
        How many samples a seed has, and what was read there.
    left_out : int
        Seeds on which one of the curves does not reach the operating point.
    """

    axis: Axis
    reads: Sequence[tuple[int, Read]]
    left_out: int = 0

    @property
    def factor(self) -> Factor:
        """The family's share (at equal removal: its damage) over the first's."""
        return factor([read.own.compared(self.axis) - read.first.compared(self.axis) for _, read in self.reads])

    @property
    def ratios(self) -> list[float]:
        """The family's target ratios."""
        return [read.own.ratio(n) for n, read in self.reads]

    @property
    def damages(self) -> list[float]:
        """The family's ``retain_change``."""
        return [read.own.damage for _, read in self.reads]

    @property
    def positives(self) -> float:
        """Samples with the feature, of the family and the first together and over all seeds."""
        return sum(n * (read.own.ratio(n) + read.first.ratio(n)) for n, read in self.reads)

    @property
    def moved(self) -> int:
        """On how many seeds the curves were read elsewhere than at the operating point."""
        return sum(read.moved for _, read in self.reads)

    @property
    def bounds(self) -> frozenset[str]:
        """Which of "at most" and "at least" hold on some seed."""
        return frozenset(read.bound for _, read in self.reads if read.bound)


def read(curve: Sequence[Spot], first: Sequence[Spot], point: Operating, level: float) -> Read | None:
    """Read a curve and the first family's at a level, or at the curve's nearest end where the point allows that."""
    own, other = spot_at(curve, point.axis, level), spot_at(first, point.axis, level)
    if own is not None and other is not None:
        return Read(own, other)
    if not point.anywhere:
        return None
    end = nearest(curve, point.axis, level)
    reached = end.along(point.axis)
    other = spot_at(first, point.axis, reached)
    if other is not None:
        return Read(end, other, moved=True)
    other = nearest(first, point.axis, reached)
    bound = "at most" if reached < other.along(point.axis) else "at least"
    return Read(end, other, moved=True, bound=bound)


def compare(curves: Curves, first: Curves, defaults: Mapping[int, Default], point: Operating) -> Comparison:
    """Compare a family with the first one at an operating point, on the seeds that both have.

    Parameters
    ----------
    curves, first : mapping of int to sequence of Spot
        By seed, the curve of the family, and of the one that it is compared with.
    defaults : mapping of int to Default
        By seed, what the first family does at its default.
    point : Operating
    """
    shared = {seed: default for seed, default in defaults.items() if seed in curves}
    found = {seed: read(curves[seed], first[seed], point, point.level(each)) for seed, each in shared.items()}
    reads = [(shared[seed].n, each) for seed, each in found.items() if each is not None]
    return Comparison(point.axis, reads, len(found) - len(reads))
