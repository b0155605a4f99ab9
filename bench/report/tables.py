"""``bench table``: run the cells behind a table, aggregate them, write the files.

Which tables there are: ``definitions.py``. Their rows: ``aggregate.py``, ``frames.py``. Their layout: ``formats.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import EXIT_OK, EXIT_SOME_FAILED
from bench.experiments import grid
from bench.experiments.cell import Cell
from bench.experiments.execute import execute, stored
from bench.experiments.plan import plan
from bench.report import formats as layout
from bench.report import text
from bench.report.aggregate import Entry, Row, frame_of, tidy_rows
from bench.report.definitions import Options, Table, Variant, table_named
from bench.report.frames import count_rows, damage_rows, pretraining_rows
from bench.report.published import read_published
from bench.workspace.store import Store
from bench.workspace.suites import load_suite
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Made:
    """A table as made: its files, a text to print, and the exit code."""

    paths: Sequence[Path]
    text: str
    code: int


def make_table(
    name: str, options: Options, workspace: Workspace, *, run_missing: bool, formats: Sequence[str], out: Path
) -> Made:
    """Run the cells that are missing, aggregate, write the files.

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
        Folder for ``table-<name>.<ext>``.
    """
    table = _asked(name, options, formats)
    Store(out).require_writable("--out")
    if table.variants:
        entries = _entries(table, options, workspace, run_missing=run_missing)
        rows = _rows(table, entries, workspace)
        failed = run_missing and any(entry.done.failed for entry in entries)
    else:
        rows, failed = count_rows(table, options, workspace, read_published(workspace.registry)), False
    frame = frame_of(rows).astype({"mean": float})
    code = EXIT_SOME_FAILED if failed or frame["mean"].isna().all() else EXIT_OK
    paths = layout.write(table, frame, options, formats, out)
    return Made(paths, layout.as_text(table, frame, options), code)


def plan_table(name: str, options: Options, workspace: Workspace, *, formats: Sequence[str]) -> str:
    """Say which cells ``make_table`` would run, and for how long; runs and writes nothing."""
    table = _asked(name, options, formats)
    if not table.variants:
        return f"table {name}: counts images, and runs no cell"
    cells = [cell for _, cell in cells_of(table, options, workspace)]
    return text.dry_run(plan(cells, workspace, "failed", options.suite))


def cells_of(table: Table, options: Options, workspace: Workspace) -> list[tuple[Variant, Cell]]:
    """Return the cells behind a table, by variant."""
    found = []
    for variant in table.variants:
        request = grid.Request(
            methods=[variant.method],
            models=options.models,
            features=options.features,
            seeds=options.seeds,
            values=variant.params,
            suite=options.suite,
            overrides=options.overrides,
            settings=variant.settings,
        )
        found += [(variant, c) for c in grid.cells(request, workspace) if variant.concerns(c.model, c.feature)]
    return found


def _asked(name: str, options: Options, formats: Sequence[str]) -> Table:
    """Return a table with the suite's variants and the further methods that were asked for."""
    table = table_named(name)
    layout.require_formats(formats)
    suite = load_suite(options.suite)
    if not table.variants:
        return table
    own = [Variant(v.label, v.method, v.params, model=v.model, features=v.features or ()) for v in suite.variants]
    found = (*table.variants, *own) if table.open else tuple(table.variants)
    known = {variant.label for variant in found}
    return replace(table, variants=(*found, *(Variant(name, name) for name in options.methods if name not in known)))


def _entries(table: Table, options: Options, workspace: Workspace, *, run_missing: bool) -> list[Entry]:
    cells = cells_of(table, options, workspace)
    made = plan([cell for _, cell in cells], workspace, "failed", options.suite)
    if run_missing:
        made.require_runnable()
    done = execute(made, workspace, text.counted(made, workspace.progress)) if run_missing else stored(made, workspace)
    return [Entry(variant, each) for (variant, _), each in zip(cells, done, strict=True)]


def _rows(table: Table, entries: Sequence[Entry], workspace: Workspace) -> list[Row]:
    if table.name == "damage":
        return damage_rows(table, entries, workspace)
    rows = tidy_rows(table, entries, workspace, read_published(workspace.registry))
    return rows + pretraining_rows(table, entries, workspace) if table.name == "cost" else rows
