"""The tidy frame behind a table: one row per number, aggregated over seeds, the published value beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import DataError, first_sentence, unknown
from bench.evaluation.targets import target_mask
from bench.experiments.cell import Run
from bench.report.definitions import FIDELITY, Options, Table, Variant
from bench.report.equal_damage import Point, compare
from bench.workspace.store import Record
from bench.workspace.suites import load_suite
from bench.workspace.workspace import Workspace

COLUMNS = (
    "table", "model", "feature", "variant", "method", "needs", "metric", "mean", "sd", "seeds", "n",
    "higher_is_better", "note", "paper", "data", "source",
)  # fmt: skip


def tidy_frame(table: Table, runs: Sequence[tuple[Variant, Run]], missing: Mapping[str, str]) -> pd.DataFrame:
    """Aggregate stored records over seeds into one row per number.

    Parameters
    ----------
    table : Table
    runs : sequence of (Variant, Run)
    missing : mapping of str to str
        Reason by folder name, for cells that could not be run.

    Returns
    -------
    DataFrame
        Columns table, model, feature, variant, method, needs, metric, mean, sd (over seeds, ddof=1), seeds, n
        (samples per seed), higher_is_better, note (why there is no number), paper, data, source.
    """
    published = _published()
    rows: list[dict[str, Any]] = []
    groups: dict[tuple[str, str, str], list[tuple[Variant, Run]]] = {}
    for variant, run in runs:
        groups.setdefault((run.cell.model, run.cell.feature, variant.label), []).append((variant, run))
    for (model, feature, label), members in groups.items():
        variant, first = members[0]
        records = [run.workspace.store.read(run.folder) for _, run in members]
        for metric in _expanded(table.metrics, list(first.extractors)):
            values = [v for r in records if r is not None and r.status == "ok" and (v := _entry(r, metric)) is not None]
            rows.append(
                _row(
                    table,
                    (model, feature, label),
                    metric,
                    float(np.mean([v["value"] for v in values])) if values else None,
                    method=variant.method,
                    needs=" ".join(sorted(first.method_class.needs)),
                    sd=float(np.std([v["value"] for v in values], ddof=1)) if len(values) > 1 else None,
                    seeds=len(values),
                    n=values[0]["n"] if values else None,
                    higher_is_better=values[0]["higher_is_better"] if values else None,
                    note=_note(metric, members, records, missing, len(values)),
                    paper=_paper(published, table.name, model, feature, variant, metric),
                    data=first.dataset.label,
                    source=values[0]["source"] if values else "",
                )
            )
    return pd.DataFrame(rows)


def _entry(record: Record, metric: str) -> dict[str, Any] | None:
    """Return a record's metric, or what its unlearning stage took, in the form of a metric."""
    if metric in ("seconds", "peak_memory_mb"):
        source = f"unlearning stage on {record.provenance['device']}, {record.provenance['threads']} threads"
        return {"value": record.timings["unlearn"][metric], "n": 1, "higher_is_better": False, "source": source}
    return record.metrics.get(metric)


def counts_frame(table: Table, options: Options, workspace: Workspace) -> pd.DataFrame:
    """Count target images of the training sets (Table 1); a frame like ``tidy_frame``'s.

    Raises
    ------
    DataError
        If none of the suite's data sets is here; one of several that is not has a note instead of numbers.
    """
    models = load_suite(options.suite).models
    for model in (model for model in options.models if model not in ("all", *models)):
        raise unknown("model", model, models, "--model")
    chosen = [s for model, s in models.items() if model in options.models or list(options.models) == ["all"]]
    names = sorted({settings.dataset for settings in chosen}, reverse=True)
    by_label = {workspace.dataset(name).label: name for name in names}  # the same photographs at several sizes, once
    published = _published()
    rows, missing = [], []
    for name in sorted(by_label.values()):
        dataset, note = workspace.dataset(name), ""
        try:
            counts = _target_counts(name, workspace)
        except DataError as error:
            missing.append(error)
            counts, note = {}, first_sentence(error)
        for feature in dataset.features:
            target, total = counts.get(feature, (None, None))
            rest = None if target is None or total is None else total - target
            known = feature in dataset.feature_attributes
            by = "the data set's attributes" if known else f"{dataset.classifier}, the training set's own cut"
            for metric, count in zip(table.metrics, (target, rest), strict=True):
                rows.append(
                    _row(
                        table,
                        (name, feature, "training set"),
                        metric,
                        count,
                        n=total,
                        note=note,
                        paper=published.get((table.name, name, feature, "", "", metric)),
                        data=dataset.label,
                        source=f"{dataset.label}; {by}",
                    )
                )
    if missing and len(missing) == len(by_label):
        raise missing[0]
    return pd.DataFrame(rows).astype({"mean": float})


def _target_counts(name: str, workspace: Workspace) -> dict[str, tuple[int, int]]:
    """Return per feature how many training images of a data set have it, and how many there are."""
    dataset = workspace.dataset(name)
    split = dataset.split(dataset.training_split)
    return {
        feature: (int(target_mask(workspace, name, split, feature).sum()), len(split)) for feature in dataset.features
    }


def damage_frame(table: Table, runs: Sequence[tuple[Variant, Run]]) -> pd.DataFrame:
    """Compare families of variants at equal damage (``bench.report.equal_damage``); a frame like ``tidy_frame``'s."""
    points: dict[tuple[str, str], dict[str, dict[int, list[Point]]]] = {}
    defaults: dict[tuple[str, str], dict[int, Point]] = {}
    for variant, run in runs:
        record = run.workspace.store.read(run.folder)
        if record is None or record.status != "ok":
            continue
        ratio, change = record.metrics["target_ratio"], record.metrics["retain_change"]["value"]
        place, point = (run.cell.model, run.cell.feature), Point(ratio["value"], ratio["n"], change)
        points.setdefault(place, {}).setdefault(variant.family, {}).setdefault(run.cell.seed, []).append(point)
        if variant is table.variants[0]:
            defaults.setdefault(place, {})[run.cell.seed] = point
    rows = []
    firsts = {(run.cell.model, run.cell.feature): (variant, run) for variant, run in reversed(runs)}
    for place, (_, run) in reversed(firsts.items()):
        for family, found in compare(points.get(place, {}), defaults.get(place, {})).items():
            ratio_note = "" if found.seeds else "no curve reaches that damage"
            interval = f"95 %: {found.low:.4f} to {found.high:.4f}" if found.seeds > 1 else "too few seeds"
            cells = [
                ("target_ratio", found.mean, found.sd, ratio_note),
                ("difference", found.difference, None, interval),
            ]
            for metric, mean, sd, note in cells:
                rows.append(
                    _row(
                        table,
                        (*place, family),
                        metric,
                        mean,
                        sd=sd,
                        seeds=found.seeds,
                        n=defaults[place][min(defaults[place])].n if place in defaults else None,
                        higher_is_better=False,
                        note=note,
                        data=run.dataset.label,
                        source=f"{run.dataset.label}; oracle {run.dataset.classifier}; interpolated between cells",
                    )
                )
    return pd.DataFrame(rows)


def pretraining_rows(table: Table, runs: Sequence[tuple[Variant, Run]]) -> pd.DataFrame:
    """Say what training each original took, from its checkpoint; rows like ``tidy_frame``'s for the cost table."""
    rows = []
    firsts = {(run.cell.model, run.cell.feature): run for _, run in runs}
    for (model, feature), run in firsts.items():
        made = run.original.description
        machine, took = made.get("made_by", {}), _trained_for(made)
        for metric in table.metrics:
            rows.append(
                _row(
                    table,
                    (model, feature, "pre-training"),
                    metric,
                    took.get(metric),
                    needs="training_data",
                    n=1,
                    higher_is_better=False,
                    note="" if metric in took else "not recorded in the checkpoint",
                    data=run.dataset.label,
                    source=f"{machine.get('device')}, {machine.get('threads')} threads",
                )
            )
    return pd.DataFrame(rows)


def _trained_for(made: Mapping[str, Any]) -> dict[str, float]:
    """Return time and memory of a training, with those it went on from (``bench pretrain --from``)."""
    took = dict(made.get("timing", {}))
    if took and "start" in made:
        before = _trained_for(made["start"])
        if not before:
            return {}
        took["seconds"] += before["seconds"]
        took["peak_memory_mb"] = max(took["peak_memory_mb"], before["peak_memory_mb"])
    return took


def _row(
    table: Table, place: tuple[str, str, str], metric: str, mean: float | None, *, data: str, source: str, **known: Any
) -> dict[str, Any]:
    """Return one row of a frame; ``place`` is model, feature and variant, ``known`` what differs from a plain count."""
    model, feature, variant = place
    plain = {"method": "", "needs": "", "sd": None, "seeds": 1, "n": None, "higher_is_better": None, "note": ""}
    first = {"table": table.name, "model": model, "feature": feature, "variant": variant, "metric": metric}
    row = {**first, "mean": mean, **plain, "paper": None, "data": data, "source": source, **known}
    return {name: row[name] for name in COLUMNS}


def _expanded(metrics: Sequence[str], extractors: Sequence[str]) -> list[str]:
    return [name for m in metrics for name in ([f"{m}[{x}]" for x in extractors] if m in FIDELITY else [m])]


def _note(
    metric: str,
    members: Sequence[tuple[Variant, Run]],
    records: Sequence[Record | None],
    missing: Mapping[str, str],
    found: int,
) -> str:
    """Say why there is no number, or that it is of fewer seeds than the caption says."""
    if found == 0:
        return _why_missing(metric, members, records, missing)
    return "" if found == len(members) else f"{found} of {len(members)} seeds"


def _why_missing(
    metric: str, members: Sequence[tuple[Variant, Run]], records: Sequence[Record | None], missing: Mapping[str, str]
) -> str:
    for (_, run), record in zip(members, records, strict=True):
        if record is None:
            return missing.get(run.folder.name, "not run")
        if record.status != "ok":
            return record.outcome
        for name, reason in record.skipped_metrics.items():
            if name.split("[")[0] == metric.split("[")[0]:
                return reason
    return "n/a"


def _paper(
    published: Mapping[tuple[str, ...], float], table: str, model: str, feature: str, variant: Variant, metric: str
) -> float | None:
    """Return the published value of a number; IS and FID only where ours are in Inception's features too."""
    name, _, extractor = metric.partition("[")
    if extractor not in ("", "inception]"):
        return None
    return published.get((table, model, feature, variant.method, variant.paper_params, name))


def _published() -> dict[tuple[str, ...], float]:
    """Read the paper's numbers by (table, model, feature, method, params, metric)."""
    here = Path(__file__).parents[1]
    folder = here / "results" if (here / "results").is_dir() else here.parent / "results"
    frame = pd.read_csv(folder / "paper" / "tables.csv", dtype=str, keep_default_na=False)
    keys = ["table", "model", "feature", "method", "params", "metric"]
    return {tuple(row[k] for k in keys): float(row["value"]) for row in frame.to_dict("records")}
