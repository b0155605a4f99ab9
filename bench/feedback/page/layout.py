"""The place of each sample on the pages. A shown tile keeps its place; the next ones are chosen on request.

Without an order, samples come as the stream draws them. "Most likely next" shows those first that lie farthest along
the direction of the clicks so far. One tile in 21 is a sample that an earlier page has shown: whether it is clicked
again says how consistent the clicks are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.core import randomness
from bench.errors import UsageError
from bench.feedback.page.book import Book
from bench.feedback.page.guess import enough, projections
from bench.feedback.page.samples import Samples

AGAIN = 20  # new samples for each that is shown again
FEWEST = 5  # clicked tiles, and others, from which an order is taken
Tile = tuple[int, bool]  # the sample, and whether it was shown before


@dataclass(frozen=True)
class Round:
    """A set of samples that is clicked.

    Attributes
    ----------
    name : str
        In the book.
    samples : Samples
    attributes : sequence of str
        What is clicked: the feature first, then what is to be kept.
    repeats : bool
        Whether some samples are shown twice.
    """

    name: str
    samples: Samples
    attributes: Sequence[str]
    repeats: bool = True


def page_of(book: Book, round_: Round, first: int, size: int, *, likely: bool) -> list[int]:
    """Return the numbers of the tiles of a page; new ones are chosen, and all that came before them.

    Parameters
    ----------
    book : Book
    round_ : Round
    first : int
        Number of the page's first tile.
    size : int
    likely : bool
        Whether new tiles are those that most likely have the feature.
    """
    tiles = book.tiles(round_.name)
    while len(tiles) < first + size and (new := _next(book, round_, tiles, size, likely=likely)):
        book.add_tiles(round_.name, new, len(tiles))
        tiles = book.tiles(round_.name)
    return list(range(first, min(first + size, len(tiles))))


def tiles_in_all(book: Book, round_: Round) -> int:
    """Return about how many tiles there will be, once all samples were shown."""
    tiles = book.tiles(round_.name)
    return len(tiles) + round_.samples.count - len({sample for sample, _ in tiles})


def _next(book: Book, round_: Round, tiles: Sequence[Tile], size: int, *, likely: bool) -> list[Tile]:
    """Choose the next ``size`` tiles, some of them shown before; none once all samples were shown."""
    shown = {sample for sample, _ in tiles}
    left = [sample for sample in range(round_.samples.count) if sample not in shown]
    if not left:
        return []
    rng = np.random.default_rng(randomness.seed_of(f"tiles/{round_.samples.stream}", len(tiles)))
    once = sorted(shown - {sample for sample, again in tiles if again})
    count = min(size // (AGAIN + 1), len(once)) if round_.repeats else 0
    repeated = [int(each) for each in rng.choice(once, count, replace=False)] if count else []
    found: list[Tile] = [(sample, False) for sample in _ordered(book, round_, tiles, left, likely)[: size - count]]
    for sample in repeated:
        found.insert(int(rng.integers(len(found) + 1)), (sample, True))
    return found


def _ordered(book: Book, round_: Round, tiles: Sequence[Tile], left: list[int], likely: bool) -> list[int]:
    """Return samples that were not shown yet, the most likely first if that is asked for and can be told."""
    if not likely:
        return left
    feature = round_.attributes[0]
    looked, clicked = book.looked(round_.name, feature), book.clicked(round_.name, feature)
    known = {tiles[tile][0]: tile in clicked for tile in sorted(looked | clicked, reverse=True)}
    if not enough(list(known.values()), FEWEST):
        return left
    drawn = [sample for sample in left if round_.samples.has_latents(sample)] or left
    try:
        scores = projections(round_.samples, known, drawn)
    except UsageError:  # the clicks define no direction
        return left
    rest = sorted(set(left) - set(drawn))
    return [drawn[int(place)] for place in np.argsort(-scores, kind="stable")] + rest
