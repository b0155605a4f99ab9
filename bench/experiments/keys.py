"""The keys of a cell's stages: each hashes exactly what its stage reads, and the code that it can run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.api import Unlearned
from bench.core import randomness
from bench.core.code_hash import code_of, digest
from bench.evaluation import removers, without_oracle
from bench.evaluation.metrics import columns_of, compute_metrics
from bench.evaluation.passes import run_pass
from bench.evaluation.references import references_identity
from bench.evaluation.targets import target_identity
from bench.experiments.method_run import run_method
from bench.feedback.file import files_sha256, from_file, to_file
from bench.feedback.oracle import ask_oracle
from bench.workspace.loading import load_unlearned
from bench.workspace.record import StageKeys
from bench.workspace.workspace import Oracles

if TYPE_CHECKING:
    from bench.experiments.resolve import Resolved
    from bench.workspace.loading import LoadedClassifier

# Where the code of each stage begins; plug-ins are added cell by cell.
FEEDBACK = (ask_oracle, to_file, from_file)
UNLEARN = (run_method,)
SEEN = (run_pass,)
EVALUATE = (load_unlearned, Oracles.of, columns_of, compute_metrics, without_oracle.known, Unlearned)


def keys_of(resolved: Resolved) -> StageKeys:
    """Hash what each stage of a cell reads."""
    feedback = _feedback(resolved)
    unlearn = _unlearn(resolved, feedback)
    seen = _seen(resolved)
    original = digest({"weights": resolved.original.sha256, "seen": seen})
    metrics = {name: type(metric) for name, metric in resolved.metrics.items()}
    workspace, dataset = resolved.workspace, resolved.cell.settings.dataset
    evaluate = digest(
        {
            "unlearn": unlearn,
            "feedback": feedback,
            "metrics": sorted(metrics),
            "references": {x: references_identity(workspace, dataset, x) for x in resolved.extractors},
            "counterfactual": removers.identity(workspace, dataset, resolved.cell.feature),
            "code": code_of(*EVALUATE, type(resolved.judgement).threshold, type(resolved.method), *metrics.values()),
            "seen": seen,
        }
    )
    return StageKeys(feedback=feedback, unlearn=unlearn, original=original, evaluate=evaluate)


def _feedback(resolved: Resolved) -> str:
    cell, oracle = resolved.cell, resolved.judgement.oracles.feedback
    if cell.feedback_file is not None:
        shown: dict[str, Any] = {"files": files_sha256(cell.feedback_file)}
    else:
        shown = {"count": cell.settings.feedback.count, "stream": f"feedback/{cell.seed}"}
    also = {"also": list(resolved.also)} if resolved.also else {}
    return digest(
        {
            "weights": resolved.original.sha256,
            "oracle": [*_identity(oracle), cell.feature],
            "code": code_of(*FEEDBACK, type(oracle.classifier), type(resolved.original.generator)),
            **shown,
            **also,
        }
    )


def _unlearn(resolved: Resolved, feedback: str) -> str:
    cell, method = resolved.cell, resolved.method
    training_data = "training_data" in method.needs
    recipe = (type(resolved.dataset), type(resolved.original.model)) if training_data else ()
    images = target_identity(resolved.workspace, cell.settings.dataset, cell.feature) if training_data else None
    return digest(
        {
            "weights": resolved.original.sha256,
            "method": [cell.method, cell.params.model_dump(mode="json")],
            "stream": resolved.stream,
            "feedback": feedback if method.reads_feedback or "oracle" in method.needs else None,
            "training_data": images,
            "code": code_of(*UNLEARN, type(method), type(resolved.original.generator), *recipe),
        }
    )


def _seen(resolved: Resolved) -> dict[str, Any]:
    """Return what decides how the samples of a generator are drawn and what is seen in them."""
    judge, generator = resolved.judgement.oracles.evaluation, type(resolved.original.generator)
    extractors = [type(extractor) for extractor, _ in resolved.extractors.values()]
    return {
        "oracle": _identity(judge),
        "extractors": {name: sha for name, (_, sha) in resolved.extractors.items()},
        "count": resolved.cell.settings.evaluation.count,
        "stream": randomness.EVALUATION,
        "code": code_of(*SEEN, generator, type(judge.classifier), *extractors),
    }


def _identity(oracle: LoadedClassifier) -> list[str | None]:
    return [oracle.name, oracle.sha256]
