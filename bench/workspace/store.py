"""The store: one immutable result file per cell, artefacts beside it, stages that cells share.

<results>/<suite>-<method>-<model>-<feature>-s<seed>-<key8>/result.json, unlearned.safetensors, before-after.png
<results>/.stages/feedback-<key16>/  unlearn-<key16>/  original-<key16>/
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock, Timeout
from pydantic import ConfigDict, Field, ValidationError

from bench.api import Params
from bench.core.files import write_bytes
from bench.errors import StoreError

if TYPE_CHECKING:
    pass

FEATURE = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # part of a folder's name

STATUSES = ("ok", "failed", "diverged", "killed", "timeout", "skipped")
Status = Literal["ok", "failed", "diverged", "killed", "timeout", "skipped"]


class Record(Params):
    """What a result file holds; ``bench run --json`` prints one a line."""

    model_config = ConfigDict(ser_json_inf_nan="constants")  # not null: `write` is to refuse them

    key: str
    status: Status
    reason: str | None = None
    suite: str
    method: str
    model: str
    dataset: str
    feature: str
    seed: int
    params: dict[str, Any]
    needs: list[str] = []
    metrics: dict[str, dict[str, Any]] = {}
    skipped_metrics: dict[str, str] = {}
    provenance: dict[str, Any] = {}
    timings: dict[str, dict[str, float]] = {}
    artefacts: dict[str, dict[str, str]] = Field({}, description="file name and sha256")

    @property
    def outcome(self) -> str:
        """Status, and the first line of the reason where there is one."""
        first = (self.reason or "").partition("\n")[0]
        return f"{self.status}: {first}" if first else self.status

    def value(self, metric: str) -> float | None:
        """Return a metric's value, or None."""
        entry = self.metrics.get(metric)
        return None if entry is None else float(entry["value"])


class Store:
    """A results folder.

    Parameters
    ----------
    root : Path
        ``--results``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def require_writable(self, flag: str = "--results") -> None:
        """Raise StoreError, before any work, unless files can be written here; makes no folder yet."""
        try:
            nearest = next(folder for folder in (self.root, *self.root.absolute().parents) if folder.exists())
            probe = nearest / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"{flag} {self.root}: cannot be written ({error.strerror}). Choose another folder."
            ) from error

    def folder(self, readable: str, key: str) -> Path:
        """Return a cell's folder."""
        return self.root / f"{readable}-{key[:8]}"

    def stage(self, name: str, key: str) -> Path:
        """Return a stage's folder."""
        return self.root / ".stages" / f"{name}-{key[:16]}"

    @contextmanager
    def locked(self, folder: Path) -> Iterator[None]:
        """Hold a folder against other processes; a killed holder's lock is free at once."""
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            yield

    def is_locked(self, folder: Path) -> bool:
        """Say whether a process holds a folder now."""
        if not (folder / ".lock").exists():
            return False
        try:
            with FileLock(folder / ".lock", timeout=0):
                return False
        except Timeout:
            return True

    def read(self, folder: Path) -> Record | None:
        """Read a cell's record; None if there is none.

        Raises
        ------
        StoreError
            If the file is there but is not a record: it was changed by hand.
        """
        path = folder / "result.json"
        try:
            return Record.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise StoreError(
                f"{path}: is not a result of this project ({error}). Move it away and run the cell again."
            ) from error

    def write(self, folder: Path, record: Record) -> None:
        """Write a cell's record; the last thing a cell does."""
        content = json.dumps(record.model_dump(mode="json"), indent=2, allow_nan=False, sort_keys=True)
        write_bytes(folder / "result.json", content.encode() + b"\n")

    def records(self) -> list[tuple[Path, Record]]:
        """Read every record, sorted by folder."""
        folders = sorted(self.root.glob("*/result.json")) if self.root.is_dir() else []
        return [(path.parent, record) for path in folders if (record := self.read(path.parent)) is not None]

    def unfinished(self) -> list[Path]:
        """Return folders of cells that began and have no result yet: they run now, or were stopped and resume."""
        if not self.root.is_dir():
            return []
        return sorted(
            f for f in self.root.iterdir() if f.is_dir() and f.name != ".stages" and not (f / "result.json").exists()
        )
