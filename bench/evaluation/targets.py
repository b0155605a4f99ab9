"""Which training images have a feature: by the data set's attributes, or else by the oracle's scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.api import Classifier, Split
from bench.core import code_hash
from bench.core.files import write_atomically
from bench.core.rendering import chunks
from bench.evaluation.images import images_identity
from bench.workspace.settings.suites import OracleSettings
from bench.workspace.store import seals
from bench.workspace.weights.observers import LoadedClassifier
from bench.workspace.workspace import Workspace


def target_mask(
    workspace: Workspace, dataset: str, split: Split, feature: str, cut: float | None = None
) -> NDArray[np.bool_]:
    """Return which training images have a feature (Table 1, ``retrain``, ``fid_retain``).

    The data set's attributes decide. If they do not name the feature, the data set's oracle scores the whole split, and
    ``cut`` decides, by default its classifier's; the scores, (N,) float64, are kept in the store.

    Returns
    -------
    (N,) bool
    """
    known = workspace.dataset(dataset).has_feature(split.attributes, feature)
    if known is not None:
        return known
    lowest = measured_by(workspace, dataset, feature).classifier.cuts[feature] if cut is None else cut
    mask: NDArray[np.bool_] = training_scores(workspace, dataset, split, feature) >= lowest
    return mask


def training_scores(workspace: Workspace, dataset: str, split: Split, feature: str) -> NDArray[np.float64]:
    """Return the scores (N,) that the data set's oracle gives its training images; they are kept in the store."""
    oracle, key = measured_by(workspace, dataset, feature), _key(workspace, dataset, split, feature)
    folder = workspace.store.stage("training-scores", key)
    path = folder / "scores.npy"
    with workspace.store.locked(folder):
        if not seals.is_sealed(folder, key, workspace.progress):
            scores = _scores(workspace, split, oracle.classifier, feature)
            with write_atomically(path) as file:
                np.save(file, scores, allow_pickle=False)
            seals.seal(folder, key, workspace.device, path.name)
    found: NDArray[np.float64] = np.load(path, allow_pickle=False)
    return found


def is_measured(workspace: Workspace, dataset: str, split: Split, feature: str) -> bool:
    """Say whether the training images with a feature are already known, so that none need be scored."""
    if workspace.dataset(dataset).has_feature(split.attributes, feature) is not None:
        return True
    key = _key(workspace, dataset, split, feature)
    return seals.is_sealed(workspace.store.stage("training-scores", key), key, workspace.progress)


def _key(workspace: Workspace, dataset: str, split: Split, feature: str) -> str:
    """Hash everything that determines the scores of training images."""
    oracle = measured_by(workspace, dataset, feature)
    code = code_hash.code_of(*oracle.code_in(workspace.registry), _scores)
    return code_hash.digest([split.sha256, oracle.name, oracle.sha256, code, feature])


def target_identity(workspace: Workspace, dataset: str, feature: str) -> list[str | None]:
    """Identify everything that determines which training images have a feature, for keys that depend on them."""
    plugin = workspace.dataset(dataset)
    images = images_identity(workspace, dataset)
    identity: list[str | None] = [dataset, feature, code_hash.code_of(target_mask), images]
    if feature in plugin.feature_attributes or plugin.classifier is None:
        return identity
    oracle = measured_by(workspace, dataset, feature)
    return [*identity, code_hash.code_of(*oracle.code_in(workspace.registry)), oracle.sha256]


def measured_by(workspace: Workspace, dataset: str, feature: str) -> LoadedClassifier:
    """Return the data set's own oracle, for features that its attributes lack."""
    return workspace.oracles(dataset, OracleSettings(), feature, ("feedback",))["feedback"]


def _scores(workspace: Workspace, split: Split, classifier: Classifier, feature: str) -> NDArray[np.float64]:
    """Score every image of a split, (N,) float64."""
    workspace.progress.start(len(split), label=f"measure {feature} of the training images")
    parts = []
    for start, stop in chunks(len(split), 1024):
        parts.append(classifier.scores(split.read(np.arange(start, stop)), [feature])[:, 0])
        workspace.progress.advance(stop - start)
    workspace.progress.stop()
    return np.concatenate(parts)
