"""The stored stages that cells share: their sizes, how many cells refer to each, which can be removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.workspace.store.leftovers import freed
from bench.workspace.store.present import facts_of, files_below
from bench.workspace.store.store import DIGITS, STAGES, Store


@dataclass(frozen=True)
class Cached:
    """A stage's folder.

    Attributes
    ----------
    path : Path
    kind : str
        Of the stage: "feedback", "unlearn", "original", "columns", ...
    bytes : int
        What removing it alone frees: a file that a cell has too stays.
    cells : int
        Stored cells that refer to it.
    written : float
        When a file of it was last written, s since the epoch.
    """

    path: Path
    kind: str
    bytes: int
    cells: int
    written: float


def cached(store: Store) -> list[Cached]:
    """Return the stored stages, sorted by kind and name."""
    used: Counter[str] = Counter()
    for _, record in store.records():
        keys = {*record.stages.values(), *record.provenance.seen.values()}
        used.update({key[:DIGITS] for key in keys})
    found = []
    for folder in sorted((store.root / STAGES).glob("[!.]*/")):
        kind, _, digits = folder.name.rpartition("-")
        if (own := facts_of(folder)) is not None:
            facts = [each for path in files_below(folder) if (each := facts_of(path)) is not None] or [own]
            written = max(each.st_mtime for each in facts)
            found.append(Cached(folder, kind, freed([folder]), used[digits], written))
    return found


def beyond(found: Sequence[Cached], size: float, kept: Sequence[Path]) -> list[Cached]:
    """Return the oldest stages, as many as must go so that the rest is no larger than a size.

    Parameters
    ----------
    found : sequence of Cached
    size : float
        Bytes.
    kept : sequence of Path
        Folders that stay in any case.
    """
    over = sum(each.bytes for each in found) - size
    chosen = []
    for each in sorted(found, key=lambda each: each.written):
        if over <= 0:
            break
        if each.path not in kept:
            chosen.append(each)
            over -= each.bytes
    return chosen
