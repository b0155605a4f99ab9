"""The keys of a cell's stages: each hashes exactly what its stage reads, and the code that it can run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.api import Unlearned
from bench.core import code_hash, randomness
from bench.evaluation import removers, without_oracle
from bench.evaluation.metrics import columns_of, compute_metrics
from bench.evaluation.passes import run_pass
from bench.evaluation.references import references_identity
from bench.evaluation.targets import target_identity
from bench.experiments.method_run import run_method
from bench.feedback.file import files_sha256, from_file, to_file
from bench.feedback.oracle import ask_oracle
from bench.workspace.loading import load_unlearned
from bench.workspace.workspace import Oracles

if TYPE_CHECKING:
    from bench.experiments.cell import Run
    from bench.workspace.loading import LoadedClassifier


# Where the code of each stage begins; plug-ins are added cell by cell.
FEEDBACK = (ask_oracle, to_file, from_file)
UNLEARN = (run_method,)
SEEN = (run_pass,)
EVALUATE = (
    load_unlearned,
    Oracles.of,
    columns_of,
    compute_metrics,
    without_oracle.known,
    Unlearned,
)


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
    seen = _seen(run)
    original = code_hash.digest({"weights": run.original.sha256, "seen": seen})
    metrics = {name: type(metric) for name, metric in run.metrics.items()}
    evaluate = code_hash.digest(
        {
            "unlearn": unlearn,
            "feedback": feedback,
            "metrics": sorted(metrics),
            "references": {x: references_identity(run.workspace, run.cell.settings.dataset, x) for x in run.extractors},
            "counterfactual": removers.identity(run.workspace, run.cell.settings.dataset, run.cell.feature),
            "code": code_hash.code_of(*EVALUATE, run.method_class, *metrics.values()),
            "seen": seen,
        }
    )
    return CellKeys(feedback, unlearn, original, evaluate)


def _feedback(run: Run) -> str:
    cell = run.cell
    if cell.feedback_file is not None:
        shown: dict[str, Any] = {"files": files_sha256(cell.feedback_file)}
    else:
        shown = {"count": cell.settings.feedback.count, "stream": f"feedback/{cell.seed}"}
    also = {"also": list(run.also)} if run.also else {}
    oracle = run.oracles.feedback
    return code_hash.digest(
        {
            "weights": run.original.sha256,
            "oracle": [*_identity(oracle), cell.feature],
            "code": code_hash.code_of(*FEEDBACK, type(oracle.classifier), type(run.original.generator)),
            **shown,
            **also,
        }
    )


def _unlearn(run: Run, feedback: str) -> str:
    cell, method = run.cell, run.method_class
    training_data = "training_data" in method.needs
    recipe = (type(run.dataset), type(run.original.model)) if training_data else ()
    return code_hash.digest(
        {
            "weights": run.original.sha256,
            "method": [cell.method, cell.params.model_dump(mode="json")],
            "stream": run.stream,
            "feedback": feedback if method.reads_feedback or "oracle" in method.needs else None,
            "training_data": target_identity(run.workspace, cell.settings.dataset, cell.feature)
            if training_data
            else None,
            "code": code_hash.code_of(*UNLEARN, method, type(run.original.generator), *recipe),
        }
    )


def _seen(run: Run) -> dict[str, Any]:
    """Return what decides how the samples of a generator are drawn and what is seen in them."""
    judge, generator = run.oracles.evaluation, type(run.original.generator)
    extractors = (type(extractor) for extractor, _ in run.extractors.values())
    return {
        "oracle": _identity(judge),
        "extractors": {name: sha for name, (_, sha) in run.extractors.items()},
        "count": run.cell.settings.evaluation.count,
        "stream": randomness.EVALUATION,
        "code": code_hash.code_of(*SEEN, generator, type(judge.classifier), *extractors),
    }


def _identity(oracle: LoadedClassifier) -> list[str | None]:
    return [oracle.name, oracle.sha256]
