"""The keys of a cell's stages and of its metrics: each hashes exactly what is read, and the code that can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bench.api import Unlearned
from bench.core import modes
from bench.core.code_hash import code_of, digest, meaning_of
from bench.core.remembered import remembered
from bench.evaluation import removers
from bench.evaluation.described import CLICKER, EXTRACTOR, JUDGE, Observers
from bench.evaluation.images import remembered_asking
from bench.evaluation.metrics import compute_metrics, metric_columns
from bench.evaluation.passes import draws_alike, look_again, run_pass, same_weights
from bench.evaluation.references import has_references, references_identity
from bench.evaluation.targets import target_identity
from bench.experiments.cells.method_run import run_method, stream_of
from bench.experiments.cells.parts import Parts, Shared
from bench.experiments.cells.plugin_code import building_code, method_code, metric_code, original_code, plugin_code
from bench.experiments.cells.stopping import Stopped
from bench.feedback import oracle as simulated
from bench.feedback.file import files_sha256, from_file, to_file
from bench.feedback.oracle import generator_cut, simulate_feedback
from bench.workspace.store.record import StageKeys
from bench.workspace.weights.loading import load_unlearned
from bench.workspace.weights.observers import LoadedClassifier
from bench.workspace.weights.oracles import Oracles
from bench.workspace.workspace import Workspace

# Where the code of each stage begins; plug-ins are added cell by cell.
FEEDBACK = (simulate_feedback, to_file, from_file, modes.convolutions)
UNLEARN = (run_method,)
SEEN = (run_pass, same_weights, draws_alike, modes.convolutions)
EVALUATE = (load_unlearned, Oracles.of, Unlearned)
METRIC = (metric_columns, compute_metrics, look_again)
# Code that calls those functions and passes their inputs. It counts alone, without the code that it refers to: most
# of that stores, locks and reports. By module, without ``bench.``.
GLUE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cut": {"experiments.stages.cuts": ("generators_cut",)},
    "feedback": {"experiments.stages.first_stages": ("_click",)},
    "unlearn": {
        "experiments.stages.training": ("train", "_training_data", "read_clicks"),
        "experiments.stages.first_stages": ("feedback_stage",),
        "workspace.weights.saving": ("save_unlearned",),
        "workspace.weights.checkpoint": ("state_of", "save"),
    },
    "seen": {
        "experiments.stages.evaluating": ("_drawn", "_pair", "_seen"),
        "experiments.stages.method_runner": ("load_student",),
        "experiments.execution.isolated": (
            "IsolatedRunner.student", "draw", "_number", "_answer_all",
            "RemoteModule", "RemoteModule.__init__", "RemoteModule.forward", "RemoteModule.asked",
            "RemoteModule._answer", "RemoteGenerator.__init__", "RemoteGenerator.begin",
        ),
        "experiments.cells.judgement": ("Judgement.observer", "Judgement.other_clicker", "Judged.truth"),
    },
    "evaluate": {
        "experiments.stages.run": ("_stages",),
        "experiments.stages.first_stages": ("feedback_stage",),
    },
    "metric": {
        "experiments.stages.evaluating": ("evaluate_stage",),
        "experiments.stages.measured": ("_oracles",),
        "experiments.cells.judgement": ("Judged.references", "Judged.home", "ClicksOnly.own_metrics"),
        "evaluation.references": ("with_oracle", "references", "_stored"),
        "evaluation.own_metrics": ("of",),
        "workspace.weights.loading": ("statistics_in",),
    },
}  # fmt: skip


@dataclass(frozen=True)
class SharedKeys:
    """The keys that all cells of one place have.

    Attributes
    ----------
    cut : str or None
    seen : mapping of str to Any
        What decides how samples are drawn and what is seen in them.
    original : str
    counterfactual : str or None
    metrics, observers : mapping of str to str
        By name.
    """

    cut: str | None
    seen: Mapping[str, Any]
    original: str
    counterfactual: str | None
    metrics: Mapping[str, str]
    observers: Mapping[str, str]


@remembered_asking
def shared_keys_of(shared: Shared) -> SharedKeys:
    """Hash what all cells of one place read, whatever their methods and seeds."""
    seen = _seen(shared)
    return SharedKeys(
        cut=_cut(shared),
        seen=seen,
        original=digest({"weights": shared.original.sha256, "seen": seen}),
        counterfactual=_counterfactual(shared),
        metrics=_metric_keys(shared),
        observers=_observer_keys(shared),
    )


def run_key(parts: Parts) -> str:
    """Hash the whole run of a cell that is evaluated after one of its steps; cells of other steps share this key."""
    whole = replace(parts, cell=replace(parts.cell, step=None))
    cut = _cut(whole)
    return _unlearn(whole, _feedback(whole, cut), cut)


def keys_of(parts: Parts, shared: SharedKeys) -> StageKeys:
    """Hash the inputs and the code of each stage of a cell."""
    cut, seen = shared.cut, shared.seen
    feedback = _feedback(parts, cut)
    unlearn = _unlearn(parts, feedback, cut)
    evaluate = digest(
        {
            "unlearn": unlearn,
            "feedback": feedback,
            "cut": cut,
            "code": code_of(*EVALUATE, type(parts.judgement).threshold, *method_code(parts), *original_code(parts)),
            "glue": _glue("evaluate"),
            "seen": seen,
        }
    )
    return StageKeys(
        feedback=feedback,
        unlearn=unlearn,
        original=shared.original,
        evaluate=evaluate,
        columns=digest([evaluate, shared.counterfactual]),
        cut=cut,
    )


def _metric_keys(parts: Shared) -> dict[str, str]:
    """Hash each metric: its code, and its inputs besides the samples that the cell's key stands for."""
    workspace, dataset = parts.workspace, parts.place.settings.dataset
    compares = any(metric.per_extractor for metric in parts.metrics.values())
    references = {x: references_identity(workspace, dataset, x) for x in parts.extractors} if compares else {}
    return {
        name: digest(
            {
                "code": code_of(*METRIC, *metric_code(parts, name)),
                "glue": _glue("metric"),
                "references": references if metric.per_extractor else None,
                "counterfactual": _counterfactual(parts) if "counterfactual_error" in metric.columns else None,
                **({"oracle": _home(parts)} if "oracle_embeddings" in metric.columns else {}),
            }
        )
        for name, metric in parts.metrics.items()
    }


def _observer_keys(parts: Shared) -> dict[str, str]:
    """Hash what each observer is, by its name in ``Observers``.

    Samples, their count and other observers are left out: an image that was looked at before is not looked at again.
    """
    judge, registry = parts.judgement.oracles.evaluation, parts.workspace.registry
    observers = {JUDGE: (_identity(judge), judge.code_in(registry))} if parts.judgement.has_oracle else {}
    if (other := parts.judgement.other_clicker) is not None:
        observers[CLICKER] = (_identity(other), other.code_in(registry))
    for name, (_, sha) in parts.extractors.items():
        observers[f"{EXTRACTOR} {name}"] = ([name, sha], plugin_code(parts, "extractors", name, "build"))
    return {
        name: digest({"observer": [name, *identity], "code": code_of(Observers, *code)})
        for name, (identity, code) in observers.items()
    }


def _counterfactual(parts: Shared) -> str | None:
    return removers.identity(parts.workspace, parts.place.settings.dataset, parts.place.feature)


def _home(parts: Shared) -> dict[str, list[str]]:
    """Identify the embeddings of what the judge learnt from, by extractor."""
    workspace, dataset = parts.workspace, parts.place.settings.dataset
    home = parts.judgement.home(workspace, dataset)
    if home is None:
        return {}
    known = [x for x in parts.extractors if home == dataset or has_references(workspace, home, x)]
    return {x: references_identity(workspace, home, x) for x in known}


def _cut(parts: Shared) -> str | None:
    """Hash what decides the generator's cut; None if the oracle has one, or the shown samples or a file decide."""
    oracle, settings = parts.judgement.oracles.feedback, parts.place.settings.oracle
    filed = parts.given is not None and parts.given[1].threshold is not None
    if oracle.classifier.top_fraction is None or settings.cut == "shown" or filed:
        return None
    return digest(
        {
            "weights": parts.cut_original.sha256,
            "oracle": [*_identity(oracle), parts.place.feature],
            "samples": [simulated.CUT_STREAM, simulated.CUT_COUNT],
            "code": code_of(
                generator_cut, *oracle.code_in(parts.workspace.registry), *building_code(parts, parts.cut_original)
            ),
            "glue": _glue("cut"),
        }
    )


def _feedback(parts: Parts, cut: str | None) -> str:
    cell, oracle = parts.cell, parts.judgement.oracles.feedback
    if cell.feedback_file is not None:
        shown: dict[str, Any] = {"files": files_sha256(cell.feedback_file)}
    else:
        shown = {"count": cell.settings.feedback.count, "stream": f"feedback/{cell.seed}"}
    also = {"also": list(parts.method.also)} if parts.method.also else {}
    return digest(
        {
            "weights": parts.original.sha256,
            "oracle": [*_identity(oracle), cell.feature],
            "cut": cut,
            "code": code_of(*FEEDBACK, *oracle.code_in(parts.workspace.registry), *original_code(parts)),
            "glue": _glue("feedback"),
            **shown,
            **also,
        }
    )


def _unlearn(parts: Parts, feedback: str, cut: str | None) -> str:
    cell, method = parts.cell, parts.method
    training_data = "training_data" in method.needs
    recipe = (type(parts.original.model),) if {"training_data", "recipe"} & method.needs else ()
    images = _targets(parts.workspace, cell.settings.dataset, cell.feature) if training_data else None
    run = digest(
        {
            "weights": parts.original.sha256,
            "method": [cell.method, cell.params.model_dump(mode="json", exclude={*cell.params.unkeyed})],
            "stream": stream_of(method.reads_feedback, method.trainings, cell.seed),
            "feedback": feedback if method.reads_feedback or "oracle" in method.needs else None,
            "training_data": [images, cut, *_threshold_of_file(parts)] if training_data else None,
            "code": code_of(*UNLEARN, *method_code(parts), *original_code(parts), *recipe),
            "glue": _glue("unlearn"),
        }
    )
    return run if cell.step is None else digest({"run": run, "step": cell.step, "code": code_of(Stopped)})


def _threshold_of_file(parts: Parts) -> tuple[float, ...]:
    """Return the threshold that a feedback file holds, if any: it also says which training images have the feature."""
    stored = None if parts.given is None else parts.given[1].threshold
    return () if stored is None else (stored,)


@remembered_asking
def _targets(workspace: Workspace, dataset: str, feature: str) -> list[str | None]:
    return target_identity(workspace, dataset, feature)


def _seen(parts: Shared) -> dict[str, Any]:
    """Return everything that determines how a generator's samples are drawn and described."""
    judge, other = parts.judgement.oracles.evaluation, parts.judgement.other_clicker
    clicker = () if other is None else other.code_in(parts.workspace.registry)
    extractors = [root for name in parts.extractors for root in plugin_code(parts, "extractors", name, "build")]
    return {
        "oracle": _identity(judge),
        "clicker": None if other is None else _identity(other),
        "extractors": {name: sha for name, (_, sha) in parts.extractors.items()},
        "count": parts.place.settings.evaluation.count,
        "stream": parts.place.settings.evaluation.stream,
        "code": code_of(*SEEN, *original_code(parts), *judge.code_in(parts.workspace.registry), *clicker, *extractors),
        "glue": _glue("seen"),
    }


@remembered
def _glue(stage: str) -> str:
    return meaning_of(*(f"bench.{module}:{name}" for module, names in GLUE[stage].items() for name in names))


def _identity(oracle: LoadedClassifier) -> list[str | None]:
    return [oracle.name, oracle.sha256]
