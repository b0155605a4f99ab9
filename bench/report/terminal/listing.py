"""List a results folder: cells with a record, unreadable files, cells that run or were stopped."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.core import written_progress
from bench.core.durations import duration
from bench.report import labels
from bench.workspace.store import sweeps
from bench.workspace.store.present import facts_of
from bench.workspace.store.record import Record
from bench.workspace.store.store import Store


@dataclass(frozen=True)
class Filters:
    """The conditions on cells to list; an empty sequence is no condition."""

    methods: Sequence[str] = ()
    models: Sequence[str] = ()
    features: Sequence[str] = ()
    seeds: Sequence[int] = ()
    statuses: Sequence[str] = ()


@dataclass(frozen=True)
class Listed:
    """One folder.

    Attributes
    ----------
    status : str
        A record's status, or "unreadable", "running", "waiting", "stopped".
    folder : Path
    label : str
        The parameters and settings in which a cell differs from others of its kind.
    reason : str
        Why there is no result; of a cell that runs, how far it is and where.
    record : Record or None
    """

    status: str
    folder: Path
    label: str = ""
    reason: str = ""
    record: Record | None = field(default=None, repr=False)

    def fits(self, filters: Filters) -> bool:
        """Say whether it is asked for. Of a folder without a record the name decides."""
        named = (filters.methods, filters.models, filters.features)
        if filters.statuses and self.status not in filters.statuses:
            return False
        if self.record is None:
            pieces = [*named, [f"s{seed}" for seed in filters.seeds]]
            return all(not each or any(f"-{name}-" in f"-{self.folder.name}-" for name in each) for each in pieces)
        found = (self.record.method, self.record.model, self.record.feature)
        pairs = [*zip(found, named, strict=True), (self.record.seed, filters.seeds)]
        return all(not asked or value in asked for value, asked in pairs)


def listed(store: Store, filters: Filters = Filters()) -> list[Listed]:
    """List a results folder: records, unreadable files, cells that run, that wait for their turn, and that can resume.

    A stored cell on which a process works again (a further metric, or what failed) counts as running.
    """
    stored, unreadable = store.survey()
    names = _told_apart(stored)
    found = [
        _running(store, folder, name, record)
        or Listed(record.status, folder, name, (record.reason or "").partition("\n")[0], record)
        for (folder, record), name in zip(stored, names, strict=True)
    ]
    found += [Listed("unreadable", path.parent, reason=reason) for path, reason in unreadable]
    found += [_running(store, each) or Listed("stopped", each) for each in store.unfinished()]
    found += _not_begun(store)
    return [each for each in found if each.fits(filters)]


def _running(store: Store, folder: Path, label: str = "", record: Record | None = None) -> Listed | None:
    """Return a cell that a process works on, None if none does."""
    if not store.is_locked(folder):
        return None
    reached = written_progress.read(folder)
    about = ""
    if reached is not None:
        spent = duration(max(time.time() - reached.began, 0.0))
        left = "" if reached.left is None else f", about {duration(reached.left)} left"
        about = f"{reached.text}{left}; for {spent}, process {reached.process} on {reached.host}"
    return Listed("running", folder, label, about, record)


def _not_begun(store: Store) -> list[Listed]:
    """Return the cells that commands have still to begin; those of a command that was ended before are stopped."""
    found: dict[str, Listed] = {}
    for sweep in sweeps.known(store):
        status, why = ("waiting", "for its turn") if sweep.runs else ("stopped", "not begun")
        for name in sweep.left:
            if status == "waiting" or name not in found:
                found[name] = Listed(status, store.root / name, reason=why)
    return [found[name] for name in sorted(found)]


def _told_apart(stored: Sequence[tuple[Path, Record]]) -> list[str]:
    """Return each record's label; where everything is the same but the key, when it was stored."""
    names = labels.of_records([record for _, record in stored])
    same = [
        (record.method, record.model, record.feature, record.seed, name)
        for (_, record), name in zip(stored, names, strict=True)
    ]
    times = Counter(same)
    whens = [stored_at(folder) if times[key] > 1 else None for (folder, _), key in zip(stored, same, strict=True)]
    told = [
        name if when is None else f"{name} (stored {when:%Y-%m-%d %H:%M})"
        for name, when in zip(names, whens, strict=True)
    ]
    return [text.strip() for text in told]


def stored_at(folder: Path) -> datetime | None:
    """Return when a record was written, local time; None if it is gone: its cell runs again, or was removed."""
    facts = facts_of(folder / "result.json")
    return None if facts is None else datetime.fromtimestamp(facts.st_mtime).replace(microsecond=0)


# --- as text ------------------------------------------------------------------------------------------


def lines(found: Sequence[Listed]) -> list[str]:
    """Return one line per folder, failures with their reason."""
    return [_line(each) for each in found]


def _line(each: Listed) -> str:
    if each.status == "unreadable":
        again = "its cell runs again when it is asked for; to free the space, remove its folder"
        ours = os.access(each.folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
        remedy = again if ours else "change the permissions of its folder"
        return f"unreadable {each.folder / 'result.json'}: {each.reason}; {remedy}"
    if each.status == "stopped":
        begun = f" ({each.reason})" if each.reason else ""
        return f"stopped   {each.folder.name}  run the same `bench run` again to resume{begun}"
    if each.record is None or each.status == "running":
        return f"{each.status:9} {each.folder.name}  {each.reason}".rstrip()
    ratios = ((name, each.record.value(name)) for name in ("target_ratio", "learnt_target_ratio"))
    detail = next((f"{name} {ratio:.4f}" for name, ratio in ratios if ratio is not None), each.reason)
    return f"{each.status:9} {' '.join(filter(None, (each.folder.name, each.label)))}  {detail}"


def json_lines(found: Sequence[Listed]) -> list[str]:
    """Return one JSON object per folder; a metric as its value alone (``bench run --json`` has the whole record)."""
    return [json.dumps(_object(each), allow_nan=False) for each in found]


def _object(each: Listed) -> dict[str, Any]:
    head = {"status": each.status, "folder": str(each.folder), "reason": each.reason or None}
    if each.record is None:
        return head
    record, when = each.record, stored_at(each.folder)
    return head | {
        **record.model_dump(
            mode="json", include={"key", "method", "model", "dataset", "feature", "seed", "step", "suite"}
        ),
        "stored": None if when is None else when.isoformat(),
        "weights": record.provenance.weights.path,
        "feedback_file": record.provenance.feedback_file,
        "params": record.params,
        "metrics": {name: metric.value for name, metric in record.metrics.items()},
        "seconds": {stage: cost.seconds for stage, cost in record.timings.items()},
        "artefacts": {name: str(each.folder / artefact.file) for name, artefact in record.artefacts.items()},
    }
