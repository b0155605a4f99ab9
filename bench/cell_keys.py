"""The keys of a cell's stages: each hashes exactly what its stage reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import counterfactual, keys, randomness
from bench import feedback as feedback_module

if TYPE_CHECKING:
    from bench.cell import Run
    from bench.zoo import LoadedClassifier

DRAWING = ("bench.randomness", "bench.rendering")  # how samples are drawn and turned into 8-bit images


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
    original = keys.digest({"weights": run.original.sha256, **looked})
    evaluate = keys.digest(
        {
            "unlearn": unlearn,
            "feedback": feedback,
            "metrics": {name: keys.code_of(type(metric)) for name, metric in run.metrics.items()},
            "references": {x: run.shop.references_identity(run.cell.settings.dataset, x) for x in run.extractors},
            "counterfactual": counterfactual.identity(run.shop, run.cell.settings.dataset, run.cell.feature),
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
    return keys.digest(
        {
            "weights": run.original.sha256,
            "oracle": [*_identity(run.oracles.feedback), cell.feature],
            "engine": keys.code_of_modules(*DRAWING),
            **shown,
            **also,
        }
    )


def _unlearn(run: Run, feedback: str) -> str:
    cell, method = run.cell, run.method_class
    return keys.digest(
        {
            "weights": run.original.sha256,
            "method": [cell.method, cell.params.model_dump(mode="json"), keys.code_of(method)],
            "stream": run.stream,
            "feedback": feedback if method.reads_feedback or "oracle" in method.needs else None,
            "training_data": run.shop.target_identity(cell.settings.dataset, cell.feature)
            if "training_data" in method.needs
            else None,
            "engine": keys.code_of_modules("bench.context", *DRAWING),
        }
    )


def _looked(run: Run) -> dict[str, Any]:
    """Return what decides how the samples of a generator are drawn and what is seen in them."""
    return {
        "oracle": _identity(run.oracles.evaluation),
        "extractors": {name: [sha, keys.code_of(type(x))] for name, (x, sha) in run.extractors.items()},
        "count": run.cell.settings.evaluation.count,
        "stream": randomness.EVALUATION,
        "engine": keys.code_of_modules("bench.evaluation", *DRAWING),
    }


def _identity(oracle: LoadedClassifier) -> list[str | None]:
    return [oracle.name, keys.code_of(type(oracle.classifier)), oracle.sha256]
