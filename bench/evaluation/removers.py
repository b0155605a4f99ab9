"""The networks that remove a feature from an image: shipped with the package, or trained once and stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.api.context import Context
from bench.core import code_hash, resuming
from bench.errors import CheckpointError
from bench.evaluation.counterfactual import (
    BATCH,
    HELD_OUT,
    LR,
    PAIRS,
    STEPS,
    Remover,
    errors,
    fit_remover,
    has_counterfactuals,
    true_pairs,
)
from bench.evaluation.images import images_identity
from bench.workspace import manifest
from bench.workspace.store.store import DIGITS
from bench.workspace.weights import checkpoint
from bench.workspace.weights.building import TooLarge, WithinReason
from bench.workspace.weights.made_by import RemoverSize, made_as

if TYPE_CHECKING:
    from bench.workspace.workspace import Workspace


def zoo_name(dataset: str, feature: str) -> str:
    """Return the name of a shipped remover."""
    return f"{dataset}-{feature}-remover"


def identity(workspace: Workspace, dataset_name: str, feature: str) -> str | None:
    """Identify the remover that would be used, without training it: part of a cell's key.

    None for a data set that cannot redraw its images without the feature.
    """
    dataset = workspace.dataset(dataset_name)
    if not has_counterfactuals(dataset):
        return None
    entry = manifest.entries().get(zoo_name(dataset_name, feature))
    if entry is None:
        drawn = workspace.registry.plugin("datasets", dataset_name).code("split", "counterfactual")
        made_of = [
            dataset_name,
            feature,
            code_hash.code_of(fit_remover, *drawn),
            images_identity(workspace, dataset_name),
        ]
    else:
        made_of = [entry.sha256]
    return code_hash.digest([*made_of, code_hash.code_of(load_remover, errors)])


def remover_for(workspace: Workspace, dataset_name: str, feature: str) -> Remover | None:
    """Return the shipped remover, or one trained once and stored; None for a data set without counterfactuals."""
    key = identity(workspace, dataset_name, feature)
    if key is None:
        return None
    name = zoo_name(dataset_name, feature)
    if name in manifest.entries():
        return load_remover(manifest.path_of(name)).to(workspace.device)
    path = _place(workspace, name, key)

    def train() -> None:
        workspace.progress.note(f"no remover for '{feature}' is shipped for data set '{dataset_name}': training one")
        write_remover(workspace, dataset_name, feature, path, key)

    return remover_in(workspace.made_once(path, key, train), path).to(workspace.device)


def write_remover(
    workspace: Workspace,
    dataset_name: str,
    feature: str,
    path: Path,
    key: str | None = None,
    pairs: int = PAIRS,
    steps: int = STEPS,
) -> dict[str, Any]:
    """Train a remover, measure it on held-out true pairs, and write both; returns the measurement.

    ``key`` is kept with a remover that is made here: what it was made from.

    Returns
    -------
    dict
        ``{"pairs": N, "error": E, "outside": O, "unedited": U}``: mean ``errors`` of the true images (0 for a perfect
        remover), what of it lies off the support, and the mean of unedited ones.
    """
    dataset = workspace.dataset(dataset_name)
    context = Context(
        stream=f"counterfactual/{dataset_name}/{feature}",
        device=workspace.device,
        checkpoint=path.with_suffix(".checkpoint.pt"),
        progress=workspace.progress,
        label=f"learn to remove {feature}",
    )
    remover = fit_remover(dataset, feature, context, pairs, steps)
    having, lacking = true_pairs(dataset, "test", feature, HELD_OUT)
    missed = errors(remover, having, lacking)
    measured = {
        "pairs": len(having),
        "error": float(missed.sum(1).mean()),
        "outside": float(missed[:, 1].mean()),
        "unedited": float(errors(remover, having, having).sum(1).mean()),
    }
    described = {
        **({} if key is None else {"key": key}),
        "dataset": dataset.label,
        "feature": feature,
        "image_shape": list(remover.image_shape),
        "channels": remover.channels,
        "recipe": {"pairs": pairs, "steps": steps, "batch": BATCH, "lr": LR},
        "held_out": measured,
    }
    tensors = checkpoint.state_of({"remover": remover})
    checkpoint.save(path, "counterfactual", zoo_name(dataset_name, feature), described, tensors)
    resuming.forget(path.with_suffix(".checkpoint.pt"))
    return measured


@dataclass(frozen=True)
class Floor:
    """The ``counterfactual_error`` of the true images themselves: the remover's own error on held-out pairs.

    Attributes
    ----------
    inside, outside : float
        Mean |difference| per pixel of an image scaled to [0, 1], on the remover's support and off it.
    pairs : int
    """

    inside: float
    outside: float
    pairs: int


def floor_of(workspace: Workspace, dataset_name: str, feature: str) -> Floor | None:
    """Return the floor of a remover that is shipped or already trained; None if there is none. Trains nothing."""
    name, key = zoo_name(dataset_name, feature), identity(workspace, dataset_name, feature)
    path = None if key is None else _place(workspace, name, key)
    if path is None or not path.is_file():
        return None
    held_out = checkpoint.read(path).description["held_out"]
    outside = held_out.get("outside", 0.0)  # shipped ones: not stored; 4e-8 (bang) and 2e-6 (beard) when measured
    return Floor(held_out["error"] - outside, outside, held_out["pairs"])


def _place(workspace: Workspace, name: str, key: str) -> Path:
    if name in manifest.entries():
        return manifest.path_of(name)
    return workspace.store.root.parent / "counterfactual" / f"{name}-{key[:DIGITS]}.safetensors"


def load_remover(path: Path) -> Remover:
    """Load what ``write_remover`` wrote."""
    return remover_in(checkpoint.read(path), path)


def remover_in(stored: checkpoint.Checkpoint, path: Path) -> Remover:
    """Return the remover of a checkpoint; raises CheckpointError, naming the file, if it holds something else."""
    if stored.kind != "counterfactual":
        raise CheckpointError(f"{path}: contains weights of kind '{stored.kind}', not of a remover ('counterfactual')")
    size = made_as(RemoverSize, stored, path)
    try:
        with WithinReason(stored.tensors):
            remover = Remover(size.image_shape, size.channels)
    except (TooLarge, RuntimeError, TypeError) as error:
        raise CheckpointError(f"{path}: the network that its header describes cannot be built ({error})") from error
    checkpoint.load_into(remover, stored.part("remover"), path, "remover")
    return remover.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def ship_remover(workspace: Workspace, dataset_name: str, feature: str) -> Path:
    """Train a remover and add it to the package's zoo; returns the file."""
    name = zoo_name(dataset_name, feature)
    path = manifest.WEIGHTS / f"{name}.safetensors"
    measured = write_remover(workspace, dataset_name, feature, path)
    label = workspace.dataset(dataset_name).label
    about = (
        f"{label} without {feature}; |error| {measured['error']:.4f} on {measured['pairs']} held-out true pairs "
        f"({measured['unedited']:.4f} unedited)"
    )
    command = f"bench zoo counterfactual --dataset {dataset_name} --feature {feature}"
    manifest.add(name, path, "counterfactual", about, command)
    return path
