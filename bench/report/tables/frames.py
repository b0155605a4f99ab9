"""Rows of the tables that do not average cells: counts of images, the cost of training an original."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.errors import BenchError, DataError, first_sentence, unknown
from bench.evaluation.targets import is_measured, target_mask
from bench.report.tables.aggregate import group_firsts
from bench.report.tables.definitions import Options, Table
from bench.report.tables.entry import Entry
from bench.report.tables.published import Published
from bench.report.tables.row import Row
from bench.workspace.settings.suites import load_suite
from bench.workspace.workspace import Workspace

NOT_MEASURED = "its images are not measured yet"

# --- Table 1 --------------------------------------------------------------------------------------------


def count_rows(
    table: Table, options: Options, workspace: Workspace, published: Published, *, run_missing: bool
) -> list[Row]:
    """Count target images of the training sets.

    Without ``run_missing`` no image is looked at: a feature that was not measured before has a note instead of numbers.

    Raises
    ------
    DataError
        If none of the suite's data sets is here; one of several that is not has a note instead of numbers.
    """
    rows: list[Row] = []
    missing: list[DataError] = []
    names = _datasets(options, workspace)
    for name in names:
        counts: Mapping[str, tuple[int, int]] = {}
        note = ""
        try:
            counts = _target_counts(name, workspace, run_missing=run_missing)
            note = "" if counts else NOT_MEASURED
        except DataError as error:
            missing.append(error)
            note = first_sentence(error)
        rows += _count_rows(table, name, counts, note, workspace, published)
    if missing and len(missing) == len(names):
        raise missing[0]
    return rows


def _datasets(options: Options, workspace: Workspace) -> list[str]:
    """Return the data sets of the models asked for; the same photographs at several sizes count once."""
    models = load_suite(options.suite).models
    for model in options.models:
        if model not in ("all", *models):
            raise unknown("model", model, models, "--model")
    everything = list(options.models) == ["all"]
    chosen = {settings.dataset for model, settings in models.items() if everything or model in options.models}
    by_label = {workspace.dataset(name).label: name for name in sorted(chosen, reverse=True)}
    return sorted(by_label.values())


def _target_counts(name: str, workspace: Workspace, *, run_missing: bool) -> dict[str, tuple[int, int]]:
    """Return per feature how many training images of a data set have it, and how many there are."""
    dataset = workspace.dataset(name)
    split = dataset.split(dataset.training_split)
    if not run_missing and not all(is_measured(workspace, name, split, feature) for feature in dataset.features):
        return {}
    return {
        feature: (int(target_mask(workspace, name, split, feature).sum()), len(split)) for feature in dataset.features
    }


def _count_rows(
    table: Table,
    name: str,
    counts: Mapping[str, tuple[int, int]],
    note: str,
    workspace: Workspace,
    published: Published,
) -> Iterator[Row]:
    dataset = workspace.dataset(name)
    for feature in dataset.features:
        target, total = counts.get(feature, (None, None))
        rest = None if target is None or total is None else total - target
        known = feature in dataset.feature_attributes
        by = "the data set's attributes" if known else f"{dataset.classifier}, the training set's own cut"
        for metric, count in zip(table.metrics, (target, rest), strict=True):
            yield Row(
                table=table.name,
                model=name,
                feature=feature,
                variant="training set",
                metric=metric,
                mean=count,
                n=total,
                note=note,
                paper=published.count(table.name, name, feature, metric),
                data=dataset.label,
                source=f"{dataset.label}; {by}",
            )


# --- the cost of training an original -------------------------------------------------------------------


def pretraining_rows(table: Table, entries: Sequence[Entry], workspace: Workspace) -> list[Row]:
    """Say what training each original took, from its checkpoint."""
    rows: list[Row] = []
    for (model, feature), first in group_firsts(entries).items():
        cell = first.done.planned.cell
        try:
            made = workspace.original(cell.model, cell.weights).description
        except BenchError:  # its row says why there is no cell
            continue
        facts, took = made.get("made_by", {}), _trained_for(made)
        for metric in table.metrics:
            rows.append(
                Row(
                    table=table.name,
                    model=model,
                    feature=feature,
                    variant="pre-training",
                    needs="training_data",
                    metric=metric,
                    mean=took.get(metric),
                    n=1,
                    higher_is_better=False,
                    note="" if metric in took else "not recorded in the checkpoint",
                    data=workspace.dataset(cell.settings.dataset).label,
                    source=f"{facts.get('device')}, {facts.get('threads')} threads",
                )
            )
    return rows


def _trained_for(made: Mapping[str, Any]) -> dict[str, float]:
    """Return time and memory of a training, with those that it resumed from (``bench pretrain --from``)."""
    took = dict(made.get("timing", {}))
    if took and "start" in made:
        before = _trained_for(made["start"])
        if not before:
            return {}
        took["seconds"] += before["seconds"]
        took["peak_memory_mb"] = max(took["peak_memory_mb"], before["peak_memory_mb"])
    return took
