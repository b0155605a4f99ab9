"""Reference statistics for FID and KID: moments of the training set, whole and without each feature; embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Extractor, Statistics
from bench.core import code_hash
from bench.core.rendering import chunks, to_float
from bench.errors import CheckpointError, DataError
from bench.evaluation.images import images_identity
from bench.evaluation.redrawn import redrawn
from bench.evaluation.reference import Reference, evenly
from bench.evaluation.targets import target_identity, target_mask
from bench.toolkit.frechet import statistics_of
from bench.workspace import manifest
from bench.workspace.store.store import DIGITS
from bench.workspace.weights import checkpoint, loading
from bench.workspace.weights.extractor_names import plugin_of
from bench.workspace.workspace import Workspace


def references(workspace: Workspace, dataset: str, extractors: Iterable[str], feature: str) -> dict[str, Reference]:
    """Return the reference of each extractor, with which samples are compared.

    References are shipped with the package, or computed from the data set once and stored.
    """
    found = {
        name: workspace.once(("references", dataset, name), partial(_stored, workspace, dataset, name))
        for name in extractors
    }
    return {
        name: Reference(
            moments.get("all"), moments.get(f"without {feature}"), embeddings, moments.get(f"{feature} redrawn")
        )
        for name, (moments, embeddings) in found.items()
    }


def with_oracle(
    workspace: Workspace, dataset: str, found: Mapping[str, Reference], extractors: Iterable[str], home: str | None
) -> dict[str, Reference]:
    """Add the embeddings of the data set that the judge learnt from: the cell's own, or shipped or stored ones."""
    known = {
        name: workspace.once(("references", home, name), partial(_stored, workspace, home, name))[1]
        for name in extractors
        if home is not None and (home == dataset or has_references(workspace, home, name))
    }
    return {name: replace(found.get(name, Reference()), oracle=known.get(name)) for name in {**found, **known}}


def has_references(workspace: Workspace, dataset: str, extractor: str) -> bool:
    """Return whether reference statistics are shipped or stored; otherwise the whole data set must be read."""
    name = _shipped_name(dataset, extractor)
    try:
        return name in manifest.entries() or _path_here(workspace, name, _key(workspace, dataset, extractor)).exists()
    except (CheckpointError, DataError):  # no extractor to compute them with, or no images
        return False


def references_identity(workspace: Workspace, dataset: str, extractor: str) -> list[str]:
    """Identify the reference statistics that would be used, without computing them: part of a cell's key."""
    entry = manifest.entries().get(_shipped_name(dataset, extractor))
    if entry is not None:
        return [dataset, entry.sha256]
    return [dataset, _key(workspace, dataset, extractor)]


def _key(workspace: Workspace, dataset: str, extractor: str) -> str:
    """Hash the inputs of statistics that are made locally."""
    drawn = workspace.registry.plugin("datasets", dataset).code("counterfactual", "lowered")
    seen = workspace.registry.plugin("extractors", plugin_of(workspace.registry, extractor)).code("build")
    code = code_hash.code_of(write_statistics, *drawn, *seen)
    features = workspace.dataset(dataset).features
    targets = {feature: target_identity(workspace, dataset, feature) for feature in features}
    images = images_identity(workspace, dataset)
    return code_hash.digest([dataset, images, targets, code, workspace.extractor(extractor)[1]])


def _stored(
    workspace: Workspace, dataset: str, extractor: str
) -> tuple[dict[str, Statistics], NDArray[np.float32] | None]:
    """Return statistics by subset ("all", "without thickness", ...), and embeddings of some training images."""
    name = _shipped_name(dataset, extractor)
    if name in manifest.entries():
        path = manifest.path_of(name)
        stored = checkpoint.read(path)
    else:
        key = _key(workspace, dataset, extractor)
        path = _path_here(workspace, name, key)
        stored = workspace.made_once(path, key, lambda: write_statistics(workspace, dataset, extractor, path, key))
    moments = loading.statistics_in(stored, path, workspace.extractor(extractor)[1])
    embeddings = stored.tensors.get("embeddings")
    return moments, None if embeddings is None else embeddings.numpy()


def _path_here(workspace: Workspace, name: str, key: str) -> Path:
    """Return the file of statistics that are made locally."""
    return workspace.store.root.parent / "statistics" / f"{name}-{key[:DIGITS]}.safetensors"


def _shipped_name(dataset: str, extractor: str) -> str:
    return f"{dataset}-{extractor}-statistics"


@torch.no_grad()
def write_statistics(
    workspace: Workspace, dataset_name: str, extractor_name: str, path: Path, key: str | None = None
) -> None:
    """Compute the reference statistics of the FIDs and ``kid`` from the training split, and store them.

    ``key`` is kept with statistics that are made here: what they were made from.
    """
    dataset = workspace.dataset(dataset_name)
    split = dataset.split(dataset.training_split)
    extractor, sha = workspace.extractor(extractor_name)
    workspace.progress.start(len(split), label="embeddings of the training images")
    parts = []
    for start, stop in chunks(len(split)):
        parts.append(_embedded(workspace, extractor, split.read(np.arange(start, stop))))
    workspace.progress.stop()
    embeddings = np.concatenate(parts)  # (N, D)
    subsets = {"all": embeddings}
    for feature in dataset.features:
        target = target_mask(workspace, dataset_name, split, feature)
        if np.count_nonzero(~target) > 1:  # a covariance takes two
            subsets[f"without {feature}"] = embeddings[~target]
        if (images := redrawn(workspace, dataset_name, split, feature, target)) is not None:
            workspace.progress.start(int(target.sum()), label=f"embeddings of images redrawn without {feature}")
            changed = [_embedded(workspace, extractor, each) for each in images]
            workspace.progress.stop()
            subsets[f"{feature} redrawn"] = np.concatenate([embeddings[~target], *changed])
    tensors: dict[str, Any] = {"embeddings": torch.from_numpy(embeddings[evenly(len(split))])}
    for subset, seen in subsets.items():
        moments = statistics_of(seen, subset)
        tensors[f"{subset}.mean"] = torch.from_numpy(moments.mean)
        tensors[f"{subset}.covariance"] = torch.from_numpy(moments.covariance)
    described = {
        **({} if key is None else {"key": key}),
        "dataset": dataset.label,
        "data_sha256": split.sha256,
        "extractor_sha256": sha,
        "counts": {subset: len(seen) for subset, seen in subsets.items()},
    }
    checkpoint.save(path, "statistics", extractor_name, described, tensors)


def _embedded(workspace: Workspace, extractor: Extractor, images: Tensor) -> NDArray[np.float32]:
    """Embed (N, C, H, W) uint8 images, (N, D)."""
    found: NDArray[np.float32] = extractor.outputs(to_float(images))[0].cpu().numpy()
    workspace.progress.advance(len(images))
    return found


def ship_statistics(workspace: Workspace, dataset_name: str, extractor_name: str) -> Path:
    """Compute statistics and add them to the package's zoo; returns the file."""
    name = _shipped_name(dataset_name, extractor_name)
    path = manifest.WEIGHTS / f"{name}.safetensors"
    write_statistics(workspace, dataset_name, extractor_name, path)
    command = f"bench zoo statistics --dataset {dataset_name} --extractor {extractor_name}"
    label = workspace.dataset(dataset_name).label
    content = f"mean and covariance of {extractor_name} embeddings of {label}, and some of the embeddings"
    manifest.add(name, path, "statistics", content, command)
    return path
