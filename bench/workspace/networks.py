"""Networks built as a checkpoint describes them, with its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.api import Networks, Params
from bench.errors import CheckpointError, wrong_fields
from bench.workspace import checkpoint
from bench.workspace.checkpoint import Checkpoint


def fill(networks: Networks[Any], stored: Checkpoint, path: Path) -> None:
    """Load a checkpoint into all networks, and leave them in eval mode, gradients off."""
    for part, module in networks.modules().items():
        checkpoint.load_into(module, stored.part(part), path, part)
        module.eval().requires_grad_(False)


def networks_of(plugin: Any, stored: Checkpoint, path: Path) -> Networks[Any]:
    """Build a plug-in's networks as a checkpoint describes them, and load them; eval mode, gradients off."""
    networks: Networks[Any] = plugin.build(config_of(plugin, stored, path))
    fill(networks, stored, path)
    return networks


def stored_for(path: Path, kind: str, name: str) -> Checkpoint:
    """Read the weights of a plug-in; raises CheckpointError if they belong to another."""
    stored = checkpoint.read(path)
    if not stored.holds(kind, name):
        raise CheckpointError(f"{path}: holds the {stored.kind} '{stored.name}', not the {kind} '{name}'")
    return stored


def config_of(plugin: Any, stored: Checkpoint, path: Path) -> Params:
    """Return the configuration in a checkpoint; raises CheckpointError if it does not fit the plug-in."""
    try:
        config: Params = plugin.Config.model_validate(stored.description["config"])
    except (ValidationError, KeyError, TypeError) as error:
        reason = wrong_fields(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
        raise CheckpointError(
            f"{path}: its configuration does not fit this version of '{stored.name}' ({reason})"
        ) from error
    return config
