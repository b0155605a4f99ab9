"""Write networks to checkpoint files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.api import Networks, Oracle, Params, Unlearned
from bench.workspace.weights import checkpoint
from bench.workspace.weights.loading import Original


def save_networks(
    path: Path, kind: str, name: str, networks: Networks[Any], made: dict[str, Any], *, half: bool = False
) -> str:
    """Write all networks of a model or classifier; ``made`` describes how they were made.

    ``half`` stores float tensors of two or more dimensions as float16; they are loaded as float32.
    """
    description = {**made, "config": networks.config.model_dump(mode="json")}
    tensors = checkpoint.state_of(networks.modules())
    if half:
        tensors = {k: t.half() if t.is_floating_point() and t.dim() > 1 else t for k, t in tensors.items()}
    return checkpoint.save(path, kind, name, description, tensors)


def save_unlearned(
    path: Path, original: Original, unlearned: Unlearned, method: str, params: Params, oracle: Oracle | None
) -> str:
    """Write an unlearned generator (and the method's identifier) with all that ``bench.load`` needs."""
    parts = {"generator": unlearned.generator, "identifier": unlearned.identifier}
    modules = {name: module for name, module in parts.items() if module is not None}
    description = {
        "config": original.networks.config.model_dump(mode="json"),
        "original_sha256": original.sha256,
        "method": method,
        "params": params.model_dump(mode="json"),
        "oracle": {name: value for name, value in vars(oracle).items() if name != "classifier"} if oracle else None,
    }
    if "imported" in original.description:
        description["imported"] = original.description["imported"]  # for `bench zoo export`
    return checkpoint.save(path, "unlearned", original.model_name, description, checkpoint.state_of(modules))
