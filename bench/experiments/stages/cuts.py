"""Score threshold of a top-fraction oracle, computed once per generator and feature."""

from __future__ import annotations

from bench.api import Params
from bench.core import sealed
from bench.experiments.cells.resolve import Resolved
from bench.feedback.oracle import generator_cut
from bench.workspace.store import seals


class Cut(Params):
    """A stored cut: the score from which an image has the feature."""

    threshold: float


def generators_cut(resolved: Resolved) -> float | None:
    """Return a cell's threshold; None if the oracle has its own, or the shown samples or a feedback file set it."""
    key, workspace, original = resolved.keys.cut, resolved.workspace, resolved.cut_original
    if key is None:
        return None
    folder = workspace.store.stage("cut", key)
    path = folder / "cut.json"
    with workspace.store.locked(folder, workspace.progress.note):
        if not seals.is_sealed(folder, key, workspace.progress):
            classifier = resolved.judgement.oracles.feedback.classifier
            threshold = generator_cut(original.generator, classifier, resolved.cell.feature, workspace.progress)
            resolved.require_unchanged()
            sealed.write(path, Cut(threshold=threshold).model_dump(mode="json"))
            seals.seal(folder, key, workspace.device, path.name)
        return Cut.model_validate(sealed.read(path)).threshold
