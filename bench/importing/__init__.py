"""``bench zoo import``: official checkpoints, tensor by tensor, as weights files of this project.

``release`` (what a file holds, read without running any code) <- ``vdvae`` and ``pgan`` (which tensor of the file each
of ours is) <- this module (names and shapes must agree on both sides, without exception; then write).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from bench import checkpoint, zoo
from bench.api import Networks
from bench.errors import CheckpointError, UsageError
from bench.files import file_sha256
from bench.importing.pgan import read_pgan
from bench.importing.release import Release, read_pickle
from bench.importing.vdvae import read_vdvae
from bench.registry import Registry
from bench.settings import validated

LAYOUTS: dict[str, Callable[[Any, Path, dict[str, Any]], Release]] = {"vdvae": read_vdvae, "pgan": read_pgan}


def import_release(registry: Registry, source: Path, layout: str, out: Path, params: Mapping[str, Any]) -> str:
    """Convert an official checkpoint into a weights file; returns a line that says what was written.

    Parameters
    ----------
    registry : Registry
    source : Path
        The official file.
    layout : {"vdvae", "pgan"}
    out : Path
        The weights file to write; it must not exist.
    params : mapping
        Fields of the model's Config. vdvae: they describe the file's architecture; without any, the published size
        that fits is taken. pgan: the file describes its architecture; they set the training recipe.

    Raises
    ------
    CheckpointError
        Naming the file: missing, truncated, refused because it asks to run code, of another architecture, or with
        NaN or infinite weights. Nothing is written then.
    UsageError
        For wrong ``params``, or an ``out`` that is there.
    """
    if out.exists():
        raise UsageError(f"--out {out}: is already there; remove it, or name another file")
    release = LAYOUTS[layout](read_pickle(source), source, dict(params))
    networks = fitting_networks(registry, release, source)
    state = {name: release.tensors[release.origin(name)].float() for name in _shapes(networks, release)}
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{source}: {release.origin(name)} holds NaN or infinite values")
    filled = checkpoint.Checkpoint("model", release.model, {}, release.adapt(state) | release.own)
    for part, module in networks.modules().items():
        module.load_state_dict(filled.part(part), assign=True)
    made = {"imported": source.name, "layout": layout, "source_sha256": file_sha256(source)}
    zoo.save_networks(out, "model", release.model, networks, made)
    count = sum(tensor.numel() for tensor in state.values())
    return f"{out}: {release.model}, {networks.config.image_shape[1]} px, {count:,} parameters"


def fitting_networks(registry: Registry, release: Release, path: Path) -> Networks[Any]:
    """Build the networks whose tensors the file holds, without memory for their weights; or say what differs."""
    plugin = registry.get("models", release.model)()
    found = {name: tensor.shape for name, tensor in release.tensors.items()}
    nearest: tuple[str, list[str]] | None = None
    for title, fields in release.candidates.items():
        with torch.device("meta"):
            networks: Networks[Any] = plugin.build(validated(plugin.Config, fields, f"-p (model '{release.model}')"))
        expected = {release.origin(name): shape for name, shape in _shapes(networks, release).items()}
        differences = _differences(found, expected)
        if not differences:
            return networks
        if nearest is None or len(differences) < len(nearest[1]):
            nearest = title, differences
    assert nearest is not None
    title, differences = nearest
    more = f", and {len(differences) - 3} more differences" if len(differences) > 3 else ""
    raise CheckpointError(f"{path}: does not fit {title}: {'; '.join(differences[:3])}{more}. {release.remedy}")


def _shapes(networks: Networks[Any], release: Release) -> dict[str, torch.Size]:
    """Return the shapes of all tensors that the file must hold, under our names."""
    return {
        f"{part}.{name}": tensor.shape
        for part, module in networks.modules().items()
        for name, tensor in module.state_dict().items()
        if f"{part}.{name}" not in release.own
    }


def _differences(found: Mapping[str, torch.Size], expected: Mapping[str, torch.Size]) -> list[str]:
    """Say what is missing, of another shape, or has no place, by the file's names."""
    missing = [f"it lacks {name}" for name in expected if name not in found]
    shapes = [
        f"its {name} has shape {tuple(found[name])}, not {tuple(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    return [*missing, *shapes, *(f"its {name} has no place here" for name in found if name not in expected)]
