"""A stage's folder is sealed when its files are complete: ``sealed.json`` holds the stage's whole key and their sha256,
and what machine made them.

Only sealed files are used again. A folder that another stage sealed, or whose files have changed, is made again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from bench.core import machine, sealed
from bench.core.files import file_sha256
from bench.core.progress import Progress

SEAL = "sealed.json"


def seal(folder: Path, key: str, device: torch.device, *names: str) -> None:
    """Declare the files of a stage complete.

    Parameters
    ----------
    folder : Path
    key : str
        The stage's.
    device : torch.device
        That computed it.
    *names : str
        Of the files.
    """
    files = {name: file_sha256(folder / name) for name in names}
    sealed.write(folder / SEAL, {"key": key, "files": files, "machine": machine.provenance(device)})


def made_by(folder: Path) -> dict[str, Any] | None:
    """Return the software and the machine that made a sealed stage; None for one that is not sealed."""
    try:
        found: dict[str, Any] = sealed.read(folder / SEAL)["machine"]
    except (OSError, ValueError, KeyError):
        return None
    return found


def is_sealed(folder: Path, key: str, progress: Progress) -> bool:
    """Say whether a stage is complete and as it was written; a note names what was changed and is made again."""
    if not (folder / SEAL).exists():
        return False
    fault = fault_of(folder, key)
    if fault is not None:
        progress.note(f"{fault}. It is made again.")
    return fault is None


def fault_of(folder: Path, key: str | None = None) -> str | None:
    """Return what is wrong with a sealed stage, naming the file; None if nothing is.

    Parameters
    ----------
    folder : Path
    key : str, optional
        The stage's; by default, any key that the folder's name ends in.
    """
    path = folder / SEAL
    try:
        content = sealed.read(path)
        found, files = str(content["key"]), dict(content["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{path}: cannot be used ({error})"
    if not (found == key if key else folder.name.endswith(f"-{found[:16]}")):
        return f"{path}: belongs to another stage (key {found[:16]})"
    for name, sha256 in files.items():
        file = folder / name
        try:
            if not file.is_file():
                return f"{file}: is missing"
            if file_sha256(file) != sha256:
                return f"{file}: was changed since it was written: its sha256 differs"
        except PermissionError as error:
            return f"{file}: cannot be read ({error.strerror})"
    return None


def open_seal(folder: Path) -> None:
    """Remove a seal, so that the stage is made again."""
    (folder / SEAL).unlink(missing_ok=True)
