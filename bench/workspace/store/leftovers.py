"""Find what can be removed from a results folder, count the bytes that frees, and remove it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from filelock import FileLock, Timeout

from bench.core.durations import number_of
from bench.core.reading import read_json
from bench.workspace.store import sweeps
from bench.workspace.store.present import facts_of, files_below
from bench.workspace.store.record import FORMAT, Record
from bench.workspace.store.store import DIGITS, STAGES, Store

KINDS = ("failed", "stale", "orphaned", "stopped")
ENDED_BADLY = ("failed", "diverged", "killed", "timeout")
REMOVED = ".removed"  # end of the name of a folder that is being removed


@dataclass(frozen=True)
class Leftover:
    """A folder or file that can be removed.

    Attributes
    ----------
    kind : str
        One of ``KINDS``; "oldest" for what ``bench cache gc --max-size`` removes.
    path : Path
    why : str
    """

    kind: str
    path: Path
    why: str


def failed(store: Store) -> Iterator[Leftover]:
    """Yield cells that have no result, and say why."""
    for folder, record in store.records():
        if record.status in ENDED_BADLY:
            yield Leftover("failed", folder, record.outcome)


def of_older_formats(store: Store) -> Iterator[Leftover]:
    """Yield cells of older formats, which this version does not read, and unreadable files that were renamed."""
    for path, _ in store.unreadable():
        if (found := _format_of(path)) is not None and found < FORMAT:
            yield Leftover("stale", path.parent, f"has format {found}; this version reads format {FORMAT}")
    for path in sorted(store.root.glob("*/result.json.*.unreadable")):
        yield Leftover("stale", path, "was set aside, and its cell ran again")


def unfinished(store: Store) -> Iterator[Leftover]:
    """Yield the folders of cells that were stopped; other programs' folders are not cells."""
    for folder in store.unfinished():
        if (folder / ".lock").exists():
            yield Leftover("stopped", folder, "the same bench run would resume it")


def not_begun(store: Store) -> Iterator[Leftover]:
    """Yield the lists of cells that a stopped command had not begun."""
    for sweep in sweeps.known(store):
        if not sweep.runs:
            were = "was" if len(sweep.left) == 1 else "were"
            yield Leftover("stopped", sweep.folder, f"names {number_of(len(sweep.left), 'cell')} that {were} not begun")


def orphaned(store: Store, kept: Iterable[Record]) -> Iterator[Leftover]:
    """Yield stages that no kept record refers to; one with a checkpoint was stopped."""
    keys = [key for record in kept for key in (*record.stages.values(), *record.provenance.seen.values())]
    used = {key[:DIGITS] for key in keys}
    for folder in sorted((store.root / STAGES).glob("*/")):
        name, _, digits = folder.name.rpartition("-")
        if name and re.fullmatch(rf"[0-9a-f]{{{DIGITS}}}", digits) and digits not in used:
            begun = any(folder.glob("checkpoint*.pt"))
            kind, why = ("stopped", "holds a stopped training") if begun else ("orphaned", "no cell refers to it")
            yield Leftover(kind, folder, why)
    for folder in sorted((*store.root.glob(f".*{REMOVED}"), *(store.root / STAGES).glob(f".*{REMOVED}"))):
        yield Leftover("orphaned", folder, "its removal was interrupted")


def freed(paths: Sequence[Path]) -> int:
    """Return how many bytes removing these frees: a file with a further name elsewhere stays."""
    links: Counter[tuple[int, int]] = Counter()
    facts = {}
    for path in paths:
        for file in files_below(path) if path.is_dir() else (path,):
            if (found := facts_of(file, follow_symlinks=False)) is not None:
                facts[found.st_dev, found.st_ino] = found
                links[found.st_dev, found.st_ino] += 1
    return sum(found.st_size for place, found in facts.items() if links[place] >= found.st_nlink)


def remove(path: Path) -> bool:
    """Remove a file, or a folder unless a process has locked it; returns whether it is gone."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return True
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    try:
        gone = path if path.name.endswith(REMOVED) else _out_of_the_way(path)
    finally:
        lock.release()
    rmtree(gone)
    return True


def _out_of_the_way(folder: Path) -> Path:
    """Rename a folder at once, so that no process finds half of it."""
    target = folder.with_name(f".{folder.name}{REMOVED}")
    rmtree(target, ignore_errors=True)
    return folder.rename(target)


def _format_of(path: Path) -> int | None:
    """Return the format of one of our records, None for any other file."""
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return None
    ours = isinstance(content, dict) and {"key", "status"} <= content.keys()
    found = content.get("format", 1) if ours else None
    return found if type(found) is int else None
