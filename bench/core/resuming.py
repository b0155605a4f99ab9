"""Files from which an interrupted training resumes: one per phase, checked by its sha256 before it is used."""

from __future__ import annotations

import io
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from bench.core import together
from bench.core.files import write_bytes

PHASE = "train"  # of a training that has one loop only
TRAINED = "trained"  # of one whose steps are all done, and whose outcome is not measured yet
DIGEST = 64  # characters of a sha256, which a file begins with


class Unusable(Exception):
    """A file that is damaged or is not a checkpoint."""


def phase_file(checkpoint: Path, phase: str) -> Path:
    """Return the file of a phase: ``checkpoint.pt``, or ``checkpoint.<phase>.pt``."""
    return checkpoint if phase == PHASE else checkpoint.with_name(f"{checkpoint.stem}.{phase}{checkpoint.suffix}")


def has_begun(checkpoint: Path) -> bool:
    """Say whether any phase has a file."""
    return any(_files(checkpoint))


def forget(checkpoint: Path) -> None:
    """Remove the files of all phases."""
    for path in _files(checkpoint):
        path.unlink(missing_ok=True)


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values; of processes that train together, the first one does."""
    if together.processes() > 1 and together.rank() > 0:
        return
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    data = buffer.getvalue()
    write_bytes(path, sha256(data).hexdigest().encode() + data)


def load(path: Path) -> dict[str, Any]:
    """Read what ``save`` wrote, onto the CPU; raises Unusable if a bit differs. torch's own reader checks nothing.

    ``load_state_dict`` moves what belongs on a GPU. Adam's step count does not: it is read after every step.
    """
    try:
        stored = path.read_bytes()
        digest, data = stored[:DIGEST], stored[DIGEST:]
        if sha256(data).hexdigest().encode() != digest:
            raise Unusable("its sha256 differs")
        content: dict[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (OSError, EOFError, ValueError, RuntimeError, UnpicklingError) as error:
        raise Unusable(type(error).__name__) from error
    return content


def _files(checkpoint: Path) -> list[Path]:
    named = checkpoint.parent.glob(f"{checkpoint.stem}.*{checkpoint.suffix}") if checkpoint.parent.is_dir() else ()
    return [path for path in (checkpoint, *sorted(named)) if path.exists()]
