"""``bench clean``: find and remove leftovers by kind, but nothing that runs or that a cell may still need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.experiments.planning.outdated import outdated
from bench.workspace.store import caching, leftovers
from bench.workspace.store.leftovers import Leftover
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Cleaning:
    """The leftovers to remove, and those that must stay.

    Attributes
    ----------
    found : tuple of Leftover
    kept : tuple of (Path, str)
        With the reason.
    """

    found: tuple[Leftover, ...]
    kept: tuple[tuple[Path, str], ...]

    @property
    def bytes(self) -> int:
        """How much removing everything would free."""
        return leftovers.freed([each.path for each in self.found])


def plan_cleaning(workspace: Workspace, kinds: Sequence[str]) -> Cleaning:
    """Find what can be removed; removes nothing.

    Parameters
    ----------
    workspace : Workspace
    kinds : sequence of str
        Of ``leftovers.KINDS``.
    """
    store = workspace.store
    cells, kept = _cells(workspace, kinds)
    running = [each.path for each in cells if store.is_locked(each.path)]
    chosen = [each for each in cells if each.path not in running]
    kept += [(path, "a process works on it") for path in running]
    stages, waiting = _stages(store, {each.path for each in chosen}, kinds)
    return Cleaning((*chosen, *stages), (*kept, *waiting))


def with_oldest(cleaning: Cleaning, workspace: Workspace, size: float) -> Cleaning:
    """Return it with the oldest stages that cells refer to, as many as must go so that the rest has a size in bytes.

    What a process works on stays, and so does a stopped training.
    """
    store = workspace.store
    chosen = {each.path for each in cleaning.found}
    left = [each for each in caching.cached(store) if each.path not in chosen]
    kept = [each.path for each in left if store.is_locked(each.path) or any(each.path.glob("checkpoint*.pt"))]
    oldest = caching.beyond(left, size, kept)
    why = "the oldest of what is kept; it is computed again if a cell needs it"
    return Cleaning((*cleaning.found, *(Leftover("oldest", each.path, why) for each in oldest)), cleaning.kept)


def clean(workspace: Workspace, cleaning: Cleaning) -> tuple[int, list[Path]]:
    """Remove the leftovers; returns the bytes freed, and the folders that a process has locked since."""
    store, gone, locked = workspace.store, [], []
    total = cleaning.bytes
    for each in cleaning.found:
        needed = each.kind in ("orphaned", "oldest") and any(store.is_locked(folder) for folder in store.unfinished())
        if needed or not leftovers.remove(each.path):
            locked.append(each.path)
        else:
            gone.append(each.path)
    return total - leftovers.freed(locked), locked


def _cells(workspace: Workspace, kinds: Sequence[str]) -> tuple[list[Leftover], list[tuple[Path, str]]]:
    store = workspace.store
    found: list[Leftover] = list(leftovers.failed(store)) if "failed" in kinds else []
    kept: list[tuple[Path, str]] = []
    if "stale" in kinds:
        found += leftovers.of_older_formats(store)
        for each in outdated(workspace):
            (found if isinstance(each, Leftover) else kept).append(each)  # type: ignore[arg-type]
    if "stopped" in kinds:
        found += [*leftovers.unfinished(store), *leftovers.not_begun(store)]
    return found, kept


def _stages(store: Store, removed: set[Path], kinds: Sequence[str]) -> tuple[list[Leftover], list[tuple[Path, str]]]:
    """Return the stages that no cell refers to once those are removed; all stay while a stopped cell is there."""
    records = [record for folder, record in store.records() if folder not in removed]
    found = [each for each in leftovers.orphaned(store, records) if each.kind in kinds]
    if any(each.path not in removed for each in leftovers.unfinished(store)):
        return [], [(each.path, "a stopped cell may need it") for each in found]
    running = [each.path for each in found if store.is_locked(each.path)]
    return [each for each in found if each.path not in running], [(path, "a process works on it") for path in running]
