"""Redraw training images without a feature they have, everything else unchanged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Dataset, Split
from bench.core.rendering import chunks
from bench.evaluation.counterfactual import has_counterfactuals
from bench.evaluation.targets import measured_by, training_scores
from bench.workspace.workspace import Workspace

ROUNDS = 3  # what is still over the cut is lowered again


def redrawn(
    workspace: Workspace, dataset_name: str, split: Split, feature: str, target: NDArray[np.bool_]
) -> Iterator[Tensor] | None:
    """Yield the images of the training split that have a feature, redrawn without it, 64 at a time.

    A data set that renders its images redraws them (``Dataset.counterfactual``). One whose feature is measured lowers
    the measure (``Dataset.lowered``) to the median of the images without the feature.

    Parameters
    ----------
    target : (N,) bool
        Which images have it.

    Returns
    -------
    iterator of (<= 64, C, H, W) uint8, or None
        None if the data set can do neither, or could lower it to that of other images and there are none.
    """
    dataset = workspace.dataset(dataset_name)
    indices = np.flatnonzero(target)
    if has_counterfactuals(dataset):
        parts = (indices[start:stop] for start, stop in chunks(len(indices)))
        return (dataset.counterfactual(dataset.training_split, part, feature, False) for part in parts)
    if type(dataset).lowered is Dataset.lowered or target.all():  # lowered to the median of the other images
        return None
    return _lowered(workspace, dataset_name, split, feature, target)


def _lowered(
    workspace: Workspace, dataset_name: str, split: Split, feature: str, target: NDArray[np.bool_]
) -> Iterator[Tensor]:
    dataset, classifier = workspace.dataset(dataset_name), measured_by(workspace, dataset_name, feature).classifier
    scores, indices = training_scores(workspace, dataset_name, split, feature), np.flatnonzero(target)
    aim, cut = float(np.median(scores[~target])), classifier.cuts[feature]
    for start, stop in chunks(len(indices)):
        rows = indices[start:stop]
        images, found = split.read(rows), scores[rows]
        for _ in range(ROUNDS):
            still = np.flatnonzero(found >= cut)
            if not len(still):
                break
            images[still] = dataset.lowered(images[still], feature, found[still] - aim)
            found[still] = classifier.scores(images[still], [feature])[:, 0]
        yield images
