"""The values that a method logged in training (``context.log``), stored with its weights: a row per step."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.core.files import file_sha256, link, write_bytes
from bench.workspace.store.record import Artefact

FILE = "losses.csv"


def write(path: Path, history: Sequence[Mapping[str, float | str]]) -> None:
    """Write a history as CSV, numbers with the nine digits that tell every float32 apart; nothing if it is empty."""
    path.unlink(missing_ok=True)
    if not history:
        return
    text = io.StringIO()
    table = csv.DictWriter(text, dict.fromkeys(name for row in history for name in row), lineterminator="\n")
    table.writeheader()
    table.writerows({name: _written(value) for name, value in row.items()} for row in history)
    write_bytes(path, text.getvalue().encode())


def kept(file: Path, folder: Path) -> dict[str, Artefact]:
    """Keep a stage's losses in a cell's folder too; returns the artefact, nothing if the method logged nothing."""
    own = folder / FILE
    own.unlink(missing_ok=True)
    if not file.exists():
        return {}
    link(file, own)
    return {"losses": Artefact(file=FILE, sha256=file_sha256(own))}


def _written(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.9g}"
