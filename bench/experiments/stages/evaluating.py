"""The evaluation stage: the samples of both generators are described once, and only missing metrics are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace

from bench.api import Columns, Extractor, Metric, Oracle
from bench.core import machine, modes
from bench.core.blocks import Blocks
from bench.core.code_hash import digest
from bench.core.memory import Memory
from bench.evaluation.described import Described, Observers
from bench.evaluation.drawing import Pair
from bench.evaluation.metric_plugins import reserved_names
from bench.evaluation.metrics import Outcome, compute_metrics, metric_columns
from bench.evaluation.passes import Pass, draws_alike, look_again, run_pass
from bench.experiments.cells.resolve import Resolved
from bench.experiments.stages.method_runner import Student
from bench.workspace.store import seals

FILE = "columns.npz"


@modes.convolutions(tf32=False)
def evaluate_stage(
    resolved: Resolved,
    weights: str,
    student: Callable[[], Student],
    oracles: tuple[Oracle, Oracle],
    metrics: Mapping[str, Metric],
) -> tuple[Columns, dict[str, Outcome]]:
    """Compute metrics; samples are drawn only where what is stored of them does not suffice.

    Parameters
    ----------
    resolved : Resolved
    weights : str
        The sha256 of the evaluated weights: what is stored of others is not used, though their key is the same.
    student : callable
        Loads the evaluated generator, if it must draw.
    oracles : (Oracle, Oracle)
        The one that clicked, and the judge.
    metrics : mapping of str to Metric

    Returns
    -------
    Columns
        What all metrics read.
    dict of str to Outcome
        What came of each metric.
    """
    (clicker, judge), extractors = oracles, loaded(resolved.extractors)
    lookers = {name: metric for name, metric in metrics.items() if metric.looks()}
    result = _seen(resolved, weights, student, judge, lookers)
    other = clicker if resolved.judgement.other_clicker is not None else None
    columns = metric_columns(result, judge, extractors, other)
    compared = extractors if any(metric.per_extractor for metric in metrics.values()) else {}
    dataset = resolved.cell.settings.dataset
    references = resolved.judgement.references(resolved.workspace, dataset, compared, judge.feature)
    reserved = reserved_names(resolved.workspace.registry)
    return columns, compute_metrics(metrics, columns, result, references, reserved)


def loaded(extractors: Mapping[str, tuple[Extractor, str | None]]) -> dict[str, Extractor]:
    """Return extractors without the sha256 of their weights."""
    return {name: extractor for name, (extractor, _) in extractors.items()}


def _seen(
    resolved: Resolved, weights: str, student: Callable[[], Student], judge: Oracle, lookers: Mapping[str, Metric]
) -> Pass:
    """Return the pass over both generators' samples: the stored columns, and what metrics see in the images."""
    store, keys, progress = resolved.workspace.store, resolved.keys, resolved.workspace.progress
    key = keys.stages(weights)["columns"]
    shared, own = store.stage("original", keys.original), store.stage("columns", key)
    with store.locked(own, progress.note), ExitStack() as held:
        held.enter_context(store.locked(shared, progress.note))
        before = Described.load(shared / FILE) if seals.is_sealed(shared, keys.original, progress) else None
        if before is not None:
            held.close()  # other cells of this original need not wait
        if before is not None and seals.is_sealed(own, key, progress):
            result = Pass.load(own / FILE, before)
            if not lookers:
                return result
            return replace(result, looked=look_again(_pair(resolved, student()), progress, lookers))
        blocks = Blocks(own / "blocks")
        result = _drawn(resolved, student(), judge, before, lookers, blocks)
        resolved.require_unchanged()
        if before is None and result.seen is not None:
            result.seen.save(shared / FILE)
            seals.seal(shared, keys.original, resolved.workspace.device, FILE)
        result.save(own / FILE)
        seals.seal(own, key, resolved.workspace.device, FILE)
        blocks.forget()
        return result


def memories_of(resolved: Resolved) -> dict[str, str]:
    """Return the key of what each observer said of images before, with this software and on this machine."""
    here = machine.computing(resolved.workspace.device)
    return {name: digest([key, here]) for name, key in resolved.observer_keys.items()}


def _memories(resolved: Resolved) -> dict[str, Memory]:
    store = resolved.workspace.store
    return {name: Memory(store.stage("seen", key), key) for name, key in memories_of(resolved).items()}


@modes.convolutions(tf32=False)
def _drawn(
    resolved: Resolved,
    student: Student,
    judge: Oracle,
    before: Described | None,
    lookers: Mapping[str, Metric],
    blocks: Blocks,
) -> Pass:
    other = resolved.judgement.other_clicker
    return run_pass(
        _pair(resolved, student),
        Observers(
            resolved.judgement.observer,
            loaded(resolved.extractors),
            _memories(resolved),
            None if other is None else other.classifier,
        ),
        resolved.workspace.progress,
        identifier=student.identifier,
        cached=before,
        truth=resolved.judgement.truth(resolved.workspace, resolved.cell.settings.dataset, judge),
        lookers=lookers,
        keep=blocks,
    )


def _pair(resolved: Resolved, student: Student) -> Pair:
    """Return both generators with the samples to compare; a student that says it is the original must draw alike."""
    original, asked = resolved.original.generator, resolved.cell.settings.evaluation
    same = student.same and draws_alike(original, student.generator)
    return Pair(original, student.generator, asked.count, same, asked.stream)
