"""Networks built as a checkpoint describes them, with its weights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.api import Networks, Params
from bench.errors import CheckpointError, shown, wrong_fields
from bench.workspace.weights import checkpoint
from bench.workspace.weights.building import TooLarge, WithinReason
from bench.workspace.weights.checkpoint import Checkpoint

LINE = 200  # characters of a plug-in's error that are quoted


def fill(networks: Networks[Any], stored: Checkpoint, path: Path) -> None:
    """Load a checkpoint into all networks, and leave them in eval mode, gradients off."""
    for part, module in networks.modules().items():
        checkpoint.load_into(module, stored.part(part), path, part)
        module.eval().requires_grad_(False)


def networks_of(plugin: Any, stored: Checkpoint, path: Path) -> Networks[Any]:
    """Build a plug-in's networks as a checkpoint describes them, and load them; eval mode, gradients off."""
    networks = built(plugin, stored, path)
    fill(networks, stored, path)
    return networks


def built(plugin: Any, stored: Checkpoint, path: Path) -> Networks[Any]:
    """Build a plug-in's networks as a checkpoint describes them, without its weights.

    Raises
    ------
    CheckpointError
        If the configuration does not fit the plug-in, or is that of networks that cannot be built.
    """
    config = config_of(plugin, stored, path)
    try:
        with WithinReason(stored.tensors), warnings.catch_warnings(action="ignore"):  # of sizes of 0
            networks: Networks[Any] = plugin.build(config)
    except TooLarge as error:
        raise CheckpointError(f"{path}: the network that its header describes {error}") from error
    except Exception as error:  # whatever a plug-in's code raises
        reason = f"{type(error).__name__}: {shown(str(error).partition(chr(10))[0], LINE)}"
        raise CheckpointError(
            f"{path}: the network that its header describes cannot be built by '{stored.name}' ({reason})"
        ) from error
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
        config: Params = plugin.Config.from_stored(stored.description["config"])
    except (ValidationError, KeyError) as error:
        reason = wrong_fields(error) if isinstance(error, ValidationError) else "is missing"
        raise CheckpointError(
            f"{path}: its configuration does not fit this version of '{stored.name}' ({reason})"
        ) from error
    return config
