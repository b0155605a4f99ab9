"""Whether a file's tensors are those of a model's networks; names, shapes and types must all agree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.api import Networks
from bench.errors import CheckpointError, PluginError
from bench.registry import Registry
from bench.workspace.foreign.release import Release
from bench.workspace.settings.validation import validated


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


def taken(networks: Networks[Any], release: Release, source: Path) -> dict[str, Tensor]:
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
