"""``bench zoo export``: an unlearned generator in the layout of its original, for the code it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.core.files import write_atomically
from bench.errors import CheckpointError, MissingWeights, UsageError
from bench.workspace.foreign import containers
from bench.workspace.foreign.fitting import mismatches
from bench.workspace.foreign.layouts import Imported, read_as, tensor_sha256
from bench.workspace.foreign.release import Release
from bench.workspace.new_file import require_new
from bench.workspace.settings.validation import validated
from bench.workspace.weights import checkpoint
from bench.workspace.weights.checkpoint import Checkpoint

SUFFIX = ".safetensors"


def export_release(weights: Path, like: Path, out: Path) -> str:
    """Write a file like ``like`` whose generator is that of ``weights``; returns a line that says what was written.

    Everything else stays as in ``like``: nesting, names, order, types, and all other content.

    Parameters
    ----------
    weights : Path
        ``unlearned.safetensors`` of a generator that was imported (``bench zoo import``), or the import itself.
    like : Path
        The file that was imported, or one of the same layout; the metadata of a safetensors file are kept too.
    out : Path
        The file to write; it must not exist.

    Raises
    ------
    CheckpointError
        Naming the file: weights that were not imported, or of another structure; a ``like`` that cannot be read, or
        holds another architecture. Nothing is written then.
    UsageError
        For an ``out`` that exists, or whose suffix is that of another container.
    """
    require_new(out)
    try:
        stored = checkpoint.read(weights)
    except MissingWeights as error:  # it may well be a name of the zoo, which --weights takes
        raise MissingWeights(
            f"FILE {weights}: no such file. Name a file: unlearned.safetensors in the folder of a cell, or what "
            "`bench zoo import` wrote"
        ) from error
    imported = _imported(stored, weights)
    generator = stored.part("generator")
    remedy = f"--like must be the file that the weights were imported from ({imported.file}), or one with its layout"
    content = _unshared(containers.read_content(like))
    _require_suffix(out, like)
    try:
        release = read_as(imported, content, like, stored.name, generator)
    except CheckpointError as error:
        raise CheckpointError(f"{str(error).split(' (--at)')[0]}. {remedy}") from error
    state = {f"generator.{name}": tensor for name, tensor in generator.items()}
    state = {name: tensor for name, tensor in state.items() if name not in release.own}
    if differences := mismatches(release, state):
        by = stored.description.get("method")
        wrapped = (
            f" (or the method '{by}' changed the structure of the generator, so other code cannot load it)"
            if by
            else ""
        )
        raise CheckpointError(
            f"{like}: has another layout than {weights}: {'; '.join(differences[:3])}{wrapped}. {remedy}"
        )
    _require_own_unchanged(imported, generator, weights, like)
    replaced = _replaced(release, state)
    _write(
        content, out, like, release, lambda p: read_as(imported, containers.read_content(p), p, stored.name, generator)
    )
    kept = [name for name, tensor in _tensors(content) if id(tensor) not in replaced]
    groups = ", ".join(dict.fromkeys(name.split("/")[0].split(".")[0] for name in kept))
    others = f"; {len(kept)} other tensors (of {groups}) are unchanged" if kept else ""
    return f"{out}: {len(replaced)} tensors of the generator, laid out as in {like}{others}"


def _imported(stored: Checkpoint, weights: Path) -> Imported:
    """Return where weights came from; raises CheckpointError if they were not imported."""
    described = stored.description.get("imported")
    if stored.kind not in ("model", "unlearned") or not isinstance(described, dict):
        raise CheckpointError(f"{weights}: was not imported (bench zoo import), so it has no other layout to export to")
    return validated(Imported, described, f"{weights}: imported")


def _require_suffix(out: Path, like: Path) -> None:
    """Raise UsageError if ``out`` is named like a file of the other container, which no code could then load."""
    safe = containers.is_safetensors(like)
    if (out.suffix == SUFFIX) != safe and out.suffix != like.suffix:
        suffix = SUFFIX if safe else like.suffix or ".pt"
        raise UsageError(
            f"--out {out}: is written as --like {like} is, by {'safetensors' if safe else 'torch.save'}. "
            f"Name it {out.with_suffix(suffix)}"
        )


def _require_own_unchanged(imported: Imported, generator: Mapping[str, Tensor], weights: Path, like: Path) -> None:
    """Raise CheckpointError if the wrapper's own parameters were trained: the layout has no place for them."""
    for name, before in imported.own.items():
        own = name.removeprefix("generator.")
        if own not in generator or tensor_sha256(generator[own]) != before:
            raise CheckpointError(
                f"{weights}: unlearning changed {own}, a parameter that the plug-in's generator has besides the module "
                f"that it wraps, and {like} has no place for it. Make it a buffer, self.register_buffer('{own}', ...), "
                "import the file again and unlearn again"
            )


def _unshared(content: Any) -> Any:
    """Copy containers and tensors (not their memory), so that entries that share a tensor can change separately."""
    if isinstance(content, Tensor):
        return copy(content)
    if isinstance(content, dict):
        own = copy(content)  # keeps the type, and a state dict's versions
        own.update({key: _unshared(value) for key, value in content.items()})
        return own
    if isinstance(content, (list, tuple)):
        return type(content)(_unshared(value) for value in content)
    return content


def _replaced(release: Release, state: Mapping[str, Tensor]) -> set[int]:
    """Put our values into the file's own tensors, which keep their types; returns their ids."""
    replaced = set()
    for name, value in release.restore(dict(state)).items():
        target = release.tensors[release.origin(name)]
        target.data = value.to(target.dtype, copy=True)  # not in place: another entry may share its memory
        replaced.add(id(target))
    return replaced


def _write(content: Any, out: Path, like: Path, release: Release, read: Callable[[Path], Release]) -> None:
    """Write the content in the container of ``like``; keep the file only if it reads back unchanged."""
    with write_atomically(out) as file:
        containers.write_content(content, file, like)
        file.flush()
        again = read(Path(file.name)).tensors
        if list(again) != list(release.tensors) or not all(
            again[name].dtype == tensor.dtype and torch.equal(again[name], tensor)
            for name, tensor in release.tensors.items()
        ):
            raise CheckpointError(f"--out {out}: the file did not read back unchanged, so it was not kept")


def _tensors(content: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield all tensors of a file, each with the keys that lead to it."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, Mapping):
        for key, inner in content.items():
            yield from _tensors(inner, f"{name}/{key}" if name else str(key))
    elif isinstance(content, (list, tuple)):
        for inner in content:
            yield from _tensors(inner, name)
