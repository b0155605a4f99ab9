"""The zoo: shipped weights by name, verified by their manifest, and the user's own files."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from bench.api import Params
from bench.core import sealed
from bench.core.files import file_sha256
from bench.errors import CheckpointError, MissingWeights, wrong_fields

WEIGHTS = Path(__file__).parents[1] / "weights"
MANIFEST = WEIGHTS / "manifest.json"


class Entry(Params):
    """One line of the manifest of shipped files."""

    file: str
    kind: str
    description: str
    sha256: str
    command: str


def entries() -> dict[str, Entry]:
    """Return the manifest: zoo name to entry; raises CheckpointError if its file is damaged."""
    if not MANIFEST.exists():
        return {}
    try:
        return {name: Entry.model_validate(entry) for name, entry in sealed.read(MANIFEST).items()}
    except (OSError, ValueError) as error:  # a ValidationError is a ValueError
        reason = wrong_fields(error) if isinstance(error, ValidationError) else error
        raise CheckpointError(
            f"{MANIFEST}: the list of shipped weights is damaged ({reason}). Reinstall the package."
        ) from error


def add(name: str, path: Path, kind: str, description: str, command: str) -> None:
    """Add a file of the weights folder to the manifest."""
    entry = Entry(file=path.name, kind=kind, description=description, sha256=file_sha256(path), command=command)
    known = {**entries(), name: entry}
    sealed.write(MANIFEST, {name: known[name].model_dump() for name in sorted(known)})


def path_of(weights: str | Path) -> Path:
    """Return the file behind a zoo name or a path, which must exist; a shipped one is verified by the manifest."""
    known = entries()
    if str(weights) not in known:
        return _own_file(Path(weights), known)
    entry = known[str(weights)]
    path = WEIGHTS / entry.file
    if not path.is_file():
        raise MissingWeights(
            f"{path}: the shipped weights '{weights}' are missing. Reinstall the package, or run: {entry.command}"
        )
    if file_sha256(path) != entry.sha256:
        raise CheckpointError(
            f"{path}: the shipped weights '{weights}' are damaged (sha256 differs from the manifest). "
            "Reinstall the package."
        )
    return path


def _own_file(path: Path, known: Iterable[str]) -> Path:
    if path.exists():
        return path
    if path.parent.is_dir():
        pool = {file.name: file for file in path.parent.glob("*.safetensors")}
        pool |= {name: Path(name) for name in known} if path.parent == Path() else {}
        near = get_close_matches(path.name, pool, n=1)
    else:  # most likely a cell's folder
        folders = path.parent.parent.glob("*")
        pool = {folder.name: folder / path.name for folder in folders if (folder / path.name).is_file()}
        near = get_close_matches(path.parent.name, pool, n=1)
    guess = f" Did you mean {pool[near[0]]}?" if near else ""
    raise MissingWeights(f"{path}: no such weights file.{guess} `bench zoo list` shows the shipped ones.")


def require(weights: str, what: str, trained_by: str, instead: str) -> None:
    """Raise CheckpointError unless the weights are shipped or a file.

    Parameters
    ----------
    weights : str
        Zoo name or file.
    what : str
        What they are the weights of.
    trained_by : str
        Options of the ``bench pretrain`` command that makes them.
    instead : str
        What to type to use others, ``FILE`` standing for them.
    """
    if weights in entries() or Path(weights).is_file():
        return
    file = weights if weights.endswith(".safetensors") else f"{weights}.safetensors"
    named = f"or name others: {instead}" if file == weights else f"and name the file: {instead.replace('FILE', file)}"
    raise MissingWeights(
        f"{what}: the weights '{weights}' are neither shipped nor a file. "
        f"Train them with: bench pretrain {trained_by} --out {file}; {named}"
    )
