"""``bench zoo export``: an unlearned generator in the layout that its original came in, for the code it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.core.files import write_atomically
from bench.errors import CheckpointError, UsageError
from bench.workspace import checkpoint
from bench.workspace.checkpoint import Checkpoint
from bench.workspace.foreign import Imported, containers, lacking, read_as
from bench.workspace.foreign.release import Release
from bench.workspace.suites import validated


def export_release(weights: Path, like: Path, out: Path) -> str:
    """Write a file like ``like`` whose generator is that of ``weights``; returns a line that says what was written.

    Everything else is as it is in ``like``: nesting, names, order, types, and whatever lies beside the generator.

    Parameters
    ----------
    weights : Path
        ``unlearned.safetensors`` of a generator that was imported (``bench zoo import``), or the import itself.
    like : Path
        The file that was imported, or one of the same layout; a safetensors file's metadata are kept too.
    out : Path
        The file to write; it must not exist.

    Raises
    ------
    CheckpointError
        Naming the file: weights that were not imported, or are no generator of that structure; a ``like`` that
        cannot be read, or holds another architecture. Nothing is written then.
    UsageError
        For an ``out`` that is there.
    """
    if out.exists():
        raise UsageError(f"--out {out}: is already there; remove it, or name another file")
    stored = checkpoint.read(weights)
    imported = _imported(stored, weights)
    generator = stored.part("generator")
    remedy = f"--like is to be the file that the weights were imported from ({imported.file}), or one laid out like it"
    content = _unshared(containers.read(like))
    try:
        release = read_as(imported, content, like, stored.name, generator)
    except CheckpointError as error:
        raise CheckpointError(f"{str(error).split(' (--at)')[0]}. {remedy}") from error
    state = {f"generator.{name}": tensor for name, tensor in generator.items()}
    state = {name: tensor for name, tensor in state.items() if name not in release.own}
    if differences := lacking(release, state):
        by = stored.description.get("method")
        wrapped = f" (or the method '{by}' left a generator of another structure: it keeps no weights)" if by else ""
        raise CheckpointError(
            f"{like}: is not of the layout that {weights} has: {'; '.join(differences[:3])}{wrapped}. {remedy}"
        )
    replaced = _replaced(release, state)
    _write(content, out, like, release, lambda p: read_as(imported, containers.read(p), p, stored.name, generator))
    kept = [name for name, tensor in _tensors(content) if id(tensor) not in replaced]
    groups = ", ".join(dict.fromkeys(name.split("/")[0].split(".")[0] for name in kept))
    others = f"; {len(kept)} others (of {groups}) are as they were" if kept else ""
    return f"{out}: {len(replaced)} tensors of the generator, laid out as in {like}{others}"


def _imported(stored: Checkpoint, weights: Path) -> Imported:
    """Return where weights came from; raises CheckpointError if they were not imported."""
    described = stored.description.get("imported")
    if stored.kind not in ("model", "unlearned") or not isinstance(described, dict):
        raise CheckpointError(
            f"{weights}: holds no generator that was imported (bench zoo import), so it has no other layout to go to"
        )
    return validated(Imported, described, f"{weights}: imported")


def _unshared(content: Any) -> Any:
    """Copy nested dicts and tensors (not their memory): what two entries of a file share is to change in one alone."""
    if isinstance(content, Tensor):
        return copy(content)
    if isinstance(content, dict):
        own = copy(content)  # of its own type, with a state dict's versions
        own.update({key: _unshared(value) for key, value in content.items()})
        return own
    return content


def _replaced(release: Release, state: Mapping[str, Tensor]) -> set[int]:
    """Put our values into the file's own tensors, which keep their types; returns their ids."""
    replaced = set()
    for name, value in release.restore(dict(state)).items():
        target = release.tensors[release.origin(name)]
        target.data = value.to(target.dtype, copy=True)  # not in place: its memory may be another entry's too
        replaced.add(id(target))
    return replaced


def _write(content: Any, out: Path, like: Path, release: Release, read: Callable[[Path], Release]) -> None:
    """Write the content in the container of ``like``, and keep it only if it reads back as it is."""
    with write_atomically(out) as file:
        containers.write(content, file, like)
        file.flush()
        again = read(Path(file.name)).tensors
        if list(again) != list(release.tensors) or not all(
            again[name].dtype == tensor.dtype and torch.equal(again[name], tensor)
            for name, tensor in release.tensors.items()
        ):
            raise CheckpointError(f"--out {out}: what was written does not read back as it was; nothing was kept")


def _tensors(content: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield all tensors of a file with the keys that lead to them."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, Mapping):
        for key, inner in content.items():
            yield from _tensors(inner, f"{name}/{key}" if name else str(key))
    elif isinstance(content, (list, tuple)):
        for inner in content:
            yield from _tensors(inner, name)
