"""``bench zoo import`` and ``export``: checkpoints of other code, tensor by tensor, and back.

``containers`` reads a file without running its code, and ``release`` describes its content. ``vdvae``, ``pgan`` and
``plain`` say which of its tensors each of ours is. This module imports: all names and shapes must match. ``exporting``
is the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.api import Networks, Params
from bench.api.checks import require_contract
from bench.core.files import file_sha256
from bench.errors import CheckpointError, PluginError, UsageError
from bench.registry import Registry
from bench.workspace import checkpoint, saving
from bench.workspace.foreign import containers
from bench.workspace.foreign.pgan import read_pgan
from bench.workspace.foreign.plain import read_plain
from bench.workspace.foreign.release import Release
from bench.workspace.foreign.vdvae import read_vdvae
from bench.workspace.suites import validated
from bench.workspace.values import values_of

OFFICIAL: dict[str, Callable[[Any, Path, dict[str, Any]], Release]] = {"vdvae": read_vdvae, "pgan": read_pgan}
MODELS = {"vdvae": "vdvae", "pgan": "proggan"}  # the model of each layout
PLAIN = "state-dict"


class Imported(Params):
    """Where weights came from, and in which layout; stored with them, so that they can be written back."""

    file: str
    sha256: str
    layout: str
    at: str = ""


def import_release(
    registry: Registry,
    source: Path,
    layout: str,
    out: Path,
    typed: Mapping[str, str],
    model: str | None = None,
    at: str = "",
) -> str:
    """Convert a checkpoint of other code to a weights file; returns a line that says what was written.

    Parameters
    ----------
    registry : Registry
    source : Path
        The file.
    layout : {"vdvae", "pgan", "state-dict"}
    out : Path
        The weights file to write; it must not exist.
    typed : mapping of str to str
        Fields of the model's Config as ``-p`` takes them, name to text. For vdvae and state-dict they describe the
        architecture in the file; without any, the published VDVAE size that fits is taken. A pgan file describes its
        architecture itself; they set the training recipe.
    model : str, optional
        The model that builds the generator; required for state-dict, and for it alone.
    at : str
        Where the state dict lies in the file (``plain.state_at``); for state-dict alone.

    Raises
    ------
    CheckpointError
        Naming the file: missing, truncated, refused because it would run code, of another architecture, or with NaN or
        infinite weights. Nothing is written then.
    PluginError
        If the model cannot be built, or its generator with these weights breaks the contract.
    UsageError
        For a wrong ``typed``, ``model`` or ``at``, or an ``out`` that exists.
    """
    if out.exists():
        raise UsageError(f"--out {out}: already exists. Remove it, or name another file")
    if layout == PLAIN and model is None:
        raise UsageError(f"--format {PLAIN}: needs --model NAME, the plug-in that builds the generator (bench list)")
    if layout != PLAIN and (model is not None or at):
        raise UsageError(f"--model and --at are for --format {PLAIN} only; --format {layout} needs neither")
    config = registry.get("models", model or MODELS[layout], "--model").Config
    params = values_of(config, typed, "-p")
    if model is None:
        release = OFFICIAL[layout](containers.read_content(source), source, params)
        networks = fitting_networks(registry, release, source)
    else:
        networks = built(registry, model, params)
        names = networks.generator.state_dict() if networks.generator is not None else {}
        release = read_plain(containers.read_content(source), source, at, model, params, names)
        require_fit(networks, release, source)
    state = _taken(networks, release, source)
    filled = checkpoint.Checkpoint("model", release.model, {}, release.adapt(state) | release.own)
    for part, module in networks.modules().items():
        module.load_state_dict(filled.part(part), assign=True)
    if model is not None:
        _require_contract(networks, model, source)
    imported = Imported(file=source.name, sha256=file_sha256(source), layout=layout, at=at)
    saving.save_networks(out, "model", release.model, networks, {"imported": imported.model_dump()})
    assert networks.generator is not None
    count = sum(tensor.numel() for tensor in state.values())
    return f"{out}: {release.model}, {networks.generator.image_shape[1]} px, {count:,} parameters"


def read_as(imported: Imported, content: Any, path: Path, model: str, generator: Collection[str]) -> Release:
    """Read a file in the layout that weights were imported from; ``generator`` holds the names of its tensors."""
    if imported.layout == PLAIN:
        return read_plain(content, path, imported.at, model, {}, generator)
    return OFFICIAL[imported.layout](content, path, {})


def built(registry: Registry, model: str, fields: dict[str, Any]) -> Networks[Any]:
    """Build a model's networks; any error of its code becomes a PluginError."""
    plugin = registry.get("models", model, "--model")()
    config = validated(plugin.Config, fields, f"-p (model '{model}')")
    try:
        networks: Networks[Any] = plugin.build(config)
    except Exception as error:
        raise PluginError(
            f"model '{model}' cannot be built: {type(error).__name__}: {error} (`bench check {model}` shows where)"
        ) from error
    return networks


def _require_contract(networks: Networks[Any], model: str, source: Path) -> None:
    """Raise PluginError, naming model and file, unless the generator with its weights does what it declares."""
    try:
        require_contract(networks.generator)
    except PluginError as error:
        raise PluginError(f"model '{model}' with the weights of {source}: {error}") from error


def fitting_networks(registry: Registry, release: Release, path: Path) -> Networks[Any]:
    """Build the networks that the file fits, without memory for their weights; raises CheckpointError if none does."""
    nearest: tuple[str, list[str]] | None = None
    for title, fields in release.candidates.items():
        with torch.device("meta"):
            networks = built(registry, release.model, fields)
        differences = _differences(release, _expected(networks, release))
        if not differences:
            return networks
        if nearest is None or len(differences) < len(nearest[1]):
            nearest = title, differences
    assert nearest is not None
    raise _misfit(path, *nearest, release.remedy)


def require_fit(networks: Networks[Any], release: Release, path: Path) -> None:
    """Raise CheckpointError unless the file holds exactly the tensors of the networks."""
    if differences := _differences(release, _expected(networks, release)):
        raise _misfit(path, next(iter(release.candidates)), differences, release.remedy)


def mismatches(release: Release, expected: Mapping[str, Tensor]) -> list[str]:
    """List, by the file's names, the expected tensors that it lacks or has in another shape."""
    found, wanted = release.tensors, {release.origin(name): tensor for name, tensor in expected.items()}
    return [f"it lacks {name}" for name in wanted if name not in found] + [
        f"its {name} has shape {tuple(found[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in found and found[name].shape != tensor.shape
    ]


def _taken(networks: Networks[Any], release: Release, source: Path) -> dict[str, Tensor]:
    """Return the file's values under our names, of our types, all finite."""
    state = {}
    for name, tensor in _expected(networks, release).items():
        origin = release.origin(name)
        value = release.tensors[origin]
        if value.is_floating_point() != tensor.is_floating_point():
            raise CheckpointError(f"{source}: its {origin} has type {value.dtype}, expected {tensor.dtype}")
        state[name] = value.to(tensor.dtype)
        if not torch.isfinite(state[name]).all():
            raise CheckpointError(
                f"{source}: {origin} holds NaN or infinite values. Import weights from before the training diverged"
            )
    return state


def _expected(networks: Networks[Any], release: Release) -> dict[str, Tensor]:
    """Return tensors with the shapes and types that the file must have, under our names."""
    return {
        f"{part}.{name}": tensor
        for part, module in networks.modules().items()
        for name, tensor in module.state_dict().items()
        if f"{part}.{name}" not in release.own
    }


def _differences(release: Release, expected: Mapping[str, Tensor]) -> list[str]:
    """List, by the file's names, the tensors that are missing, of another shape, or unexpected."""
    known = {release.origin(name) for name in expected}
    return mismatches(release, expected) + [
        f"its {name} is unexpected" for name in release.tensors if name not in known
    ]


def _misfit(path: Path, title: str, differences: list[str], remedy: str) -> CheckpointError:
    more = f", and {len(differences) - 3} more differences" if len(differences) > 3 else ""
    return CheckpointError(f"{path}: does not fit {title}: {'; '.join(differences[:3])}{more}. {remedy}")
