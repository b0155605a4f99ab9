"""The paper's tables, each from one tidy frame: which cells stand behind it, and how they are aggregated.

A table is variants (a method with parameters) x model and feature x metrics, averaged over seeds. The tidy frame
has one row per number; ``bench/layout.py`` turns it into CSV, LaTeX and HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bench
from bench import grid
from bench.cell import Run
from bench.errors import DataError, UsageError
from bench.settings import load_suite
from bench.store import Record
from bench.workshop import Workshop

FIDELITY = ("inception_score", "fid", "fid_retain")  # per extractor


@dataclass(frozen=True)
class Variant:
    """A row or column of a table: a method with parameters."""

    label: str
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paper_params(self) -> str:
        """How results/paper/tables.csv writes the parameters."""
        return " ".join(f"{name}={str(value).lower()}" for name, value in self.params.items())


@dataclass(frozen=True)
class Table:
    """What is in a table and how it is laid out.

    Attributes
    ----------
    name : str
        As typed: ``bench table NAME``.
    title : str
    variants : sequence of Variant
    metrics : sequence of str
        Names without an extractor; those of ``FIDELITY`` are taken per extractor of the suite.
    rows : str
        "cases" (a row per model and feature, a column per variant and metric) or "variants".
    """

    name: str
    title: str
    variants: Sequence[Variant]
    metrics: Sequence[str]
    rows: str = "cases"


OURS_LOGISTIC = Variant("ours, logistic", "ours", {"direction": "logistic"})
METHODS = (Variant("original", "original"), Variant("ours", "ours"), OURS_LOGISTIC)
REFERENCES = (Variant("latent_edit", "latent_edit"), Variant("reject", "reject"))

TABLES = {
    "2": Table(
        "2",
        "Target ratio, inception score and Frechet distance before and after unlearning",
        (*METHODS, *REFERENCES),
        ("target_ratio", "inception_score", "fid", "fid_retain", "retain_change", "attribute_shift"),
        rows="variants",
    ),
    "3": Table("3", "ROC-AUC of the methods' own feature identification", METHODS[1:], ("roc_auc",)),
}


@dataclass(frozen=True)
class Options:
    """What ``bench table`` was asked for."""

    suite: str = "lite"
    models: Sequence[str] = ("all",)
    features: Sequence[str] = ("all",)
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    overrides: Sequence[str] = ()


def table_named(name: str) -> Table:
    """Return a table; raises UsageError with the known names."""
    if name not in TABLES:
        raise UsageError(f"there is no table '{name}'. Known: {', '.join(TABLES)}.")
    return TABLES[name]


def runs_of(table: Table, options: Options, shop: Workshop) -> list[tuple[Variant, Run]]:
    """Return the cells behind a table, by variant."""
    found = []
    for variant in table.variants:
        request = grid.Request(
            methods=[variant.method],
            models=options.models,
            features=options.features,
            seeds=options.seeds,
            params=[f"{name}={str(value).lower()}" for name, value in variant.params.items()],
            suite=options.suite,
            overrides=options.overrides,
        )
        found += [(variant, Run(cell, shop)) for cell in grid.cells(request, shop)]
    return found


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
        records = [run.shop.store.read(run.folder) for _, run in members]
        for metric in _expanded(table.metrics, first.cell.settings.evaluation.extractors):
            values = [r.metrics[metric] for r in records if r is not None and r.status == "ok" and metric in r.metrics]
            rows.append(
                {
                    "table": table.name,
                    "model": model,
                    "feature": feature,
                    "variant": label,
                    "method": variant.method,
                    "needs": " ".join(sorted(first.method_class.needs)),
                    "metric": metric,
                    "mean": float(np.mean([v["value"] for v in values])) if values else None,
                    "sd": float(np.std([v["value"] for v in values], ddof=1)) if len(values) > 1 else None,
                    "seeds": len(values),
                    "n": values[0]["n"] if values else None,
                    "higher_is_better": values[0]["higher_is_better"] if values else None,
                    "note": "" if values else _why_missing(metric, members, records, missing),
                    "paper": published.get(
                        (table.name, model, feature, variant.method, variant.paper_params, metric.split("[")[0])
                    ),
                    "data": first.dataset.label,
                    "source": values[0]["source"] if values else "",
                }
            )
    return pd.DataFrame(rows)


def _expanded(metrics: Sequence[str], extractors: Sequence[str]) -> list[str]:
    return [name for m in metrics for name in ([f"{m}[{x}]" for x in extractors] if m in FIDELITY else [m])]


def _why_missing(
    metric: str, members: Sequence[tuple[Variant, Run]], records: Sequence[Record | None], missing: Mapping[str, str]
) -> str:
    for (_, run), record in zip(members, records, strict=True):
        if record is None:
            return missing.get(run.folder.name, "not run")
        if record.status != "ok":
            return f"{record.status}: {(record.reason or '').splitlines()[0]}"
        for name, reason in record.skipped_metrics.items():
            if name.split("[")[0] == metric.split("[")[0]:
                return reason
    return "n/a"


def _published() -> dict[tuple[str, ...], float]:
    """Read the paper's numbers by (table, model, feature, method, params, metric)."""
    here = Path(bench.__file__).parent
    folder = here / "results" if (here / "results").is_dir() else here.parent / "results"
    frame = pd.read_csv(folder / "paper" / "tables.csv", dtype=str, keep_default_na=False)
    keys = ["table", "model", "feature", "method", "params", "metric"]
    return {tuple(row[k] for k in keys): float(row["value"]) for row in frame.to_dict("records")}


def make_table(
    name: str, options: Options, shop: Workshop, *, run_missing: bool, formats: Sequence[str], out: Path
) -> tuple[list[Path], str, int]:
    """Run the cells that are missing, aggregate, write the files; returns them, a text to print, and the exit code.

    Parameters
    ----------
    name : str
    options : Options
    shop : Workshop
    run_missing : bool
        False to take what is stored.
    formats : sequence of str
        Of csv, latex, html.
    out : Path
        Folder for ``table<name>.<ext>``.
    """
    from bench import layout

    table = table_named(name)
    load_suite(options.suite)
    runs = runs_of(table, options, shop)
    missing: dict[str, str] = {}
    if run_missing:
        missing = _run_missing([run for _, run in runs], shop)
    frame = tidy_frame(table, runs, missing)
    return (
        layout.write(table, frame, options, formats, out),
        layout.as_text(table, frame),
        1 if (frame["note"].ne("") & frame["mean"].isna()).all() else 0,
    )


def _run_missing(runs: Sequence[Run], shop: Workshop) -> dict[str, str]:
    """Run what is not stored, one cell after the other; returns reasons for what could not run."""
    planned = grid.plan([run.cell for run in runs], shop, "failed")
    waiting = [p for p in planned if p.action != "cached"]
    known = [p.seconds for p in waiting if p.seconds is not None]
    expected = (
        f"about {sum(known) / 60:.0f} min for {len(known)} of them" if known else "time unknown until the first is done"
    )
    shop.progress.note(f"{len(planned)} cells, {len(planned) - len(waiting)} stored, {len(waiting)} to run; {expected}")
    reasons: dict[str, str] = {}
    for i, item in enumerate(waiting, 1):
        try:
            record = item.run.run()
            reasons |= (
                {}
                if record.status == "ok"
                else {item.run.folder.name: f"{record.status}: {(record.reason or '').splitlines()[0]}"}
            )
            shop.progress.note(f"[{i}/{len(waiting)}] {item.run.folder.name}: {record.status}")
        except DataError as error:
            reasons[item.run.folder.name] = str(error).splitlines()[0]
    return reasons
