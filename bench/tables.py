"""``bench table``: run the cells behind a table, aggregate them, write the files.

Which tables there are: ``table_definitions.py``. The tidy frame: ``frames.py``. Its layout: ``layout.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench import grid, layout, planning, report
from bench.cell import Cell, Run
from bench.errors import EXIT_OK, EXIT_SOME_FAILED, BenchError, DataError, first_sentence
from bench.frames import counts_frame, damage_frame, pretraining_rows, tidy_frame
from bench.settings import load_suite
from bench.store import Store
from bench.table_definitions import Options, Table, Variant, table_named
from bench.workshop import Workshop


def cells_of(table: Table, options: Options, shop: Workshop, *, weights: grid.Weights) -> list[tuple[Variant, Cell]]:
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
        concerned = [c for c in grid.cells(request, shop, weights=weights) if variant.concerns(c.model, c.feature)]
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
    table = table_named(name)
    layout.require_formats(formats)
    variants = variants_of(table, options)
    Store(out).require_writable("--out")
    failures = 0
    if table.variants:
        table = replace(table, variants=variants)
        cells = cells_of(table, options, shop, weights="made" if run_missing else "required")
        runs = [(variant, Run(cell, shop)) for variant, cell in cells]
        missing, failures = run_missing_cells([run for _, run in runs], shop) if run_missing else ({}, 0)
        frame = damage_frame(table, runs) if table.name == "damage" else tidy_frame(table, runs, missing)
        if table.name == "cost":
            frame = pd.concat([frame, pretraining_rows(table, runs)], ignore_index=True)
    else:
        frame = counts_frame(table, options, shop)
    return (
        layout.write(table, frame, options, formats, out),
        layout.as_text(table, frame, options),
        EXIT_SOME_FAILED if failures or frame["mean"].isna().all() else EXIT_OK,
    )


def plan_table(name: str, options: Options, shop: Workshop, *, formats: Sequence[str]) -> str:
    """Say which cells ``make_table`` would run, and for how long; runs and writes nothing."""
    table = table_named(name)
    layout.require_formats(formats)
    variants = variants_of(table, options)
    if not table.variants:
        return f"table {name}: counts images, and runs no cell"
    table = replace(table, variants=variants)
    cells = [cell for _, cell in cells_of(table, options, shop, weights="named")]
    return report.dry_run(cells, shop, options.suite, "failed")


def run_missing_cells(runs: Sequence[Run], shop: Workshop) -> tuple[dict[str, str], int]:
    """Run what is not stored, one cell after the other; a failed one stops no other.

    Returns the reasons for what has no number by folder, and how many of them are failures: a cell that was declined,
    or whose data set is not here, is none.
    """
    planned = planning.plan([run.cell for run in runs], shop, "failed")
    waiting = [p for p in planned if p.action != "cached"]
    shop.progress.note(planning.summary(len(planned), len(waiting), [p.seconds for p in waiting]))
    reasons: dict[str, str] = {}
    failures = 0
    for i, item in enumerate(waiting, 1):
        try:
            record = item.run.run()
            if record.status != "ok":
                reasons[item.run.folder.name] = record.outcome
                failures += record.status != "skipped"
            shop.progress.note(f"[{i}/{len(waiting)}] {item.run.folder.name}: {record.status}")
        except BenchError as error:
            reasons[item.run.folder.name] = first_sentence(error)
            failures += not isinstance(error, DataError)
            shop.progress.note(f"[{i}/{len(waiting)}] {item.run.folder.name}: {first_sentence(error)}")
    return reasons, failures
