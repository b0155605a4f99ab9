"""Reference statistics of a data set for FID: the whole training set, and it without each target feature."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.api import Statistics
from bench.core.rendering import chunks, to_float
from bench.toolkit.frechet import statistics_of
from bench.workspace import checkpoint, manifest
from bench.workspace.workspace import Workspace


def references(
    workspace: Workspace, dataset: str, extractors: Iterable[str], feature: str
) -> dict[str, tuple[Statistics | None, Statistics | None]]:
    """Return per extractor the statistics of the training set, and of the training set without the feature."""
    found = {name: workspace.references(dataset, name) for name in extractors}
    return {name: (of.get("all"), of.get(f"without {feature}")) for name, of in found.items()}


@torch.no_grad()
def write_statistics(workspace: Workspace, dataset_name: str, extractor_name: str, path: Path) -> None:
    """Compute the statistics that ``fid`` and ``fid_retain`` compare with, from the data set's training split."""
    dataset = workspace.dataset(dataset_name)
    split = dataset.split(dataset.training_split)
    extractor, sha = workspace.extractor(extractor_name)
    workspace.progress.start(len(split), label="features of the training images")
    parts = []
    for start, stop in chunks(len(split)):
        parts.append(extractor.outputs(to_float(split.read(np.arange(start, stop))))[0].cpu().numpy())
        workspace.progress.advance(stop - start)
    workspace.progress.stop()
    features = np.concatenate(parts)  # (N, D)
    subsets = {"all": np.ones(len(split), dtype=bool)}
    for feature in dataset.features:
        subsets[f"without {feature}"] = ~workspace.target_mask(dataset_name, split, feature)
    tensors: dict[str, Any] = {}
    for subset, keep in subsets.items():
        moments = statistics_of(features[keep], subset)
        tensors[f"{subset}.mean"] = torch.from_numpy(moments.mean)
        tensors[f"{subset}.covariance"] = torch.from_numpy(moments.covariance)
    described = {
        "dataset": dataset.label,
        "data_sha256": split.sha256,
        "extractor_sha256": sha,
        "counts": {subset: int(keep.sum()) for subset, keep in subsets.items()},
    }
    checkpoint.save(path, "statistics", extractor_name, described, tensors)


def ship_statistics(workspace: Workspace, dataset_name: str, extractor_name: str) -> Path:
    """Compute statistics and enter them in the package's zoo; returns the file."""
    name = f"{dataset_name}-{extractor_name}-statistics"
    path = manifest.WEIGHTS / f"{name}.safetensors"
    write_statistics(workspace, dataset_name, extractor_name, path)
    command = f"bench zoo statistics --dataset {dataset_name} --extractor {extractor_name}"
    label = workspace.dataset(dataset_name).label
    manifest.add(name, path, "statistics", f"mean and covariance of {extractor_name} features of {label}", command)
    return path
