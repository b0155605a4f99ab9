"""The keys of a cell's stages: each hashes exactly what its stage reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.core import code_hash, randomness
from bench.evaluation import removers
from bench.feedback import file as feedback_module

if TYPE_CHECKING:
    from bench.experiments.cell import Run
    from bench.workspace.loading import LoadedClassifier

DRAWING = ("bench.core.randomness", "bench.core.rendering")  # how samples are drawn and turned into 8-bit images


@dataclass(frozen=True)
class CellKeys:
    """The keys of a cell's stages; ``evaluate`` is the cell's own."""

    feedback: str
    unlearn: str
    original: str
    evaluate: str


def keys_of(run: Run) -> CellKeys:
    """Hash what each stage of a run reads."""
    feedback = _feedback(run)
    unlearn = _unlearn(run, feedback)
    looked = _looked(run)
    original = code_hash.digest({"weights": run.original.sha256, **looked})
    evaluate = code_hash.digest(
        {
            "unlearn": unlearn,
            "feedback": feedback,
            "metrics": {name: code_hash.code_of(type(metric)) for name, metric in run.metrics.items()},
            "references": {x: run.workspace.references_identity(run.cell.settings.dataset, x) for x in run.extractors},
            "counterfactual": removers.identity(run.workspace, run.cell.settings.dataset, run.cell.feature),
            **looked,
        }
    )
    return CellKeys(feedback, unlearn, original, evaluate)


def _feedback(run: Run) -> str:
    cell = run.cell
    if cell.feedback_file is not None:
        shown: dict[str, Any] = {"files": feedback_module.files_sha256(cell.feedback_file)}
    else:
        shown = {"count": cell.settings.feedback.count, "stream": f"feedback/{cell.seed}"}
    also = {"also": list(run.also)} if run.also else {}
    return code_hash.digest(
        {
            "weights": run.original.sha256,
            "oracle": [*_identity(run.oracles.feedback), cell.feature],
            "engine": code_hash.code_of_modules(*DRAWING),
            **shown,
            **also,
        }
    )


def _unlearn(run: Run, feedback: str) -> str:
    cell, method = run.cell, run.method_class
    return code_hash.digest(
        {
            "weights": run.original.sha256,
            "method": [cell.method, cell.params.model_dump(mode="json"), code_hash.code_of(method)],
            "stream": run.stream,
            "feedback": feedback if method.reads_feedback or "oracle" in method.needs else None,
            "training_data": run.workspace.target_identity(cell.settings.dataset, cell.feature)
            if "training_data" in method.needs
            else None,
            "engine": code_hash.code_of_modules("bench.api.context", *DRAWING),
        }
    )


def _looked(run: Run) -> dict[str, Any]:
    """Return what decides how the samples of a generator are drawn and what is seen in them."""
    return {
        "oracle": _identity(run.oracles.evaluation),
        "extractors": {name: [sha, code_hash.code_of(type(x))] for name, (x, sha) in run.extractors.items()},
        "count": run.cell.settings.evaluation.count,
        "stream": randomness.EVALUATION,
        "engine": code_hash.code_of_modules("bench.evaluation.passes", *DRAWING),
    }


def _identity(oracle: LoadedClassifier) -> list[str | None]:
    return [oracle.name, code_hash.code_of(type(oracle.classifier)), oracle.sha256]
