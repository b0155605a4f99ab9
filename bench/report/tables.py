"""``bench table``: run the cells behind a table, aggregate them, write the files.

Which tables there are: ``definitions.py``. The tidy frame: ``aggregate.py``. Its layout: ``formats.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.errors import EXIT_OK, EXIT_SOME_FAILED, BenchError, DataError, first_sentence
from bench.experiments import grid, plan
from bench.experiments.cell import Cell, Run
from bench.report import text
from bench.report.aggregate import counts_frame, damage_frame, pretraining_rows, tidy_frame
from bench.report.definitions import Options, Table, Variant, table_named
from bench.report.formats import as_text, require_formats, write
from bench.workspace.store import Store
from bench.workspace.suites import load_suite
from bench.workspace.workspace import Workspace


def cells_of(
    table: Table, options: Options, workspace: Workspace, *, weights: grid.Weights
) -> list[tuple[Variant, Cell]]:
    """Return the cells behind a table, by variant."""
    found = []
    for variant in table.variants:
        request = grid.Request(
            methods=[variant.method],
            models=options.models,
            features=options.features,
            seeds=options.seeds,
            params=variant.assignments,
            suite=options.suite,
            overrides=[*options.overrides, *variant.overrides],
        )
        concerned = [c for c in grid.cells(request, workspace, weights=weights) if variant.concerns(c.model, c.feature)]
        found += [(variant, cell) for cell in concerned]
    return found


def variants_of(table: Table, options: Options) -> tuple[Variant, ...]:
    """Return a table's variants, the suite's own, and the methods that were asked for besides."""
    suite = load_suite(options.suite)
    own = [Variant(v.label, v.method, v.params, model=v.model, features=v.features or ()) for v in suite.variants]
    found = (*table.variants, *own) if table.open else tuple(table.variants)
    known = {variant.label for variant in found}
    return (*found, *(Variant(name, name) for name in options.methods if name not in known))


def make_table(
    name: str, options: Options, workspace: Workspace, *, run_missing: bool, formats: Sequence[str], out: Path
) -> tuple[list[Path], str, int]:
    """Run the cells that are missing, aggregate, write the files; returns them, a text to print, and the exit code.

    Parameters
    ----------
    name : str
    options : Options
    workspace : Workspace
    run_missing : bool
        False to take what is stored.
    formats : sequence of str
        Of csv, latex, html.
    out : Path
        Folder for ``table<name>.<ext>``.
    """
    table = table_named(name)
    require_formats(formats)
    variants = variants_of(table, options)
    Store(out).require_writable("--out")
    failures = 0
    if table.variants:
        table = replace(table, variants=variants)
        cells = cells_of(table, options, workspace, weights="made" if run_missing else "required")
        runs = [(variant, Run(cell, workspace)) for variant, cell in cells]
        missing, failures = run_missing_cells([run for _, run in runs], workspace) if run_missing else ({}, 0)
        frame = damage_frame(table, runs) if table.name == "damage" else tidy_frame(table, runs, missing)
        if table.name == "cost":
            frame = pd.concat([frame, pretraining_rows(table, runs)], ignore_index=True)
    else:
        frame = counts_frame(table, options, workspace)
    return (
        write(table, frame, options, formats, out),
        as_text(table, frame, options),
        EXIT_SOME_FAILED if failures or frame["mean"].isna().all() else EXIT_OK,
    )


def plan_table(name: str, options: Options, workspace: Workspace, *, formats: Sequence[str]) -> str:
    """Say which cells ``make_table`` would run, and for how long; runs and writes nothing."""
    table = table_named(name)
    require_formats(formats)
    variants = variants_of(table, options)
    if not table.variants:
        return f"table {name}: counts images, and runs no cell"
    table = replace(table, variants=variants)
    cells = [cell for _, cell in cells_of(table, options, workspace, weights="named")]
    return text.dry_run(cells, workspace, options.suite, "failed")


def run_missing_cells(runs: Sequence[Run], workspace: Workspace) -> tuple[dict[str, str], int]:
    """Run what is not stored, one cell after the other; a failed one stops no other.

    Returns the reasons for what has no number by folder, and how many of them are failures: a cell that was declined,
    or whose data set is not here, is none.
    """
    planned = plan.plan([run.cell for run in runs], workspace, "failed")
    waiting = [p for p in planned if p.action != "cached"]
    workspace.progress.note(plan.summary(len(planned), len(waiting), [p.seconds for p in waiting]))
    reasons: dict[str, str] = {}
    failures = 0
    for i, item in enumerate(waiting, 1):
        try:
            record = item.run.run()
            if record.status != "ok":
                reasons[item.run.folder.name] = record.outcome
                failures += record.status != "skipped"
            workspace.progress.note(f"[{i}/{len(waiting)}] {item.run.folder.name}: {record.status}")
        except BenchError as error:
            reasons[item.run.folder.name] = first_sentence(error)
            failures += not isinstance(error, DataError)
            workspace.progress.note(f"[{i}/{len(waiting)}] {item.run.folder.name}: {first_sentence(error)}")
    return reasons, failures
