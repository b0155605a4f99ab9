"""``bench table``: run the cells behind a table, aggregate them, write the files.

Which tables there are: ``definitions.py``. What was asked for: ``asked.py``. Rows: ``aggregate.py``,
``agreement.py``, ``damage.py``, ``frames.py``. Layout: ``grid.py`` and the package ``formats``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import EXIT_NOTHING, EXIT_OK, EXIT_SOME_FAILED, UsageError
from bench.experiments.cells.cell import Cell
from bench.experiments.execution.execute import stored
from bench.experiments.planning import grid
from bench.experiments.planning.effects import require_effect
from bench.experiments.planning.plan import plan
from bench.report.tables.aggregate import tidy_rows
from bench.report.tables.agreement import agreement_rows
from bench.report.tables.asked import table_asked
from bench.report.tables.best import with_best
from bench.report.tables.damage import damage_rows
from bench.report.tables.definitions import Options, Table, Variant
from bench.report.tables.entry import Entry
from bench.report.tables.formats import files as layout
from bench.report.tables.frames import count_rows, pretraining_rows
from bench.report.tables.published import read_published
from bench.report.tables.row import Row
from bench.report.tables.value_names import ValueNames, value_names
from bench.report.terminal import running, text
from bench.workspace.store.store import Store
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
        False to take what is stored; without any number nothing is written.
    formats : sequence of str
        Of csv, latex, html.
    out : Path
        A folder, or a file of one format.
    """
    names = value_names(workspace.registry)
    table, files = table_asked(name, options, workspace, names), layout.files_of(name, options, formats, out)
    Store(next(iter(files.values())).parent).require_writable("--out")
    entries = _entries(table, options, workspace, run_missing=run_missing)
    rows = _rows(table, entries, options, workspace, names, run_missing=run_missing)
    if not run_missing and all(row.mean is None for row in rows):
        workspace.progress.note(_nothing(table, entries, workspace))
        return Made((), "", EXIT_NOTHING)
    failed = run_missing and any(entry.done.failed for entry in entries)
    code = EXIT_SOME_FAILED if failed or all(row.mean is None for row in rows) else EXIT_OK
    paths = layout.write(table, rows, entries, options, files)
    return Made(paths, layout.as_text(table, rows, entries, options), code)


def plan_table(name: str, options: Options, workspace: Workspace, *, formats: Sequence[str], out: Path) -> str:
    """Say which cells ``make_table`` would run, and for how long; runs and writes nothing."""
    table = table_asked(name, options, workspace, value_names(workspace.registry))
    layout.files_of(name, options, formats, out)
    if not table.variants:
        return f"table {name}: counts images, and runs no cell"
    cells = [cell for _, cell in cells_of(table, options, workspace)]
    return text.dry_run(plan(cells, workspace, "failed", options.suite))


def cells_of(table: Table, options: Options, workspace: Workspace) -> list[tuple[Variant, Cell]]:
    """Return the cells behind a table, by variant."""
    found = []
    for variant in table.variants:
        if not (models := _models(variant, options)):
            continue
        request = grid.Request(
            methods=[variant.method],
            models=models,
            features=options.features,
            seeds=_all_seeds(table, options),
            evaluate_at=() if variant.at is None else (variant.at,),
            values=variant.params,
            suite=options.suite,
            overrides=options.overrides,
            settings=variant.settings,
        )
        found += [(variant, cell) for cell in grid.cells(request, workspace) if _belongs(cell, variant, table, options)]
    if table.variants and not found:
        own = "; ".join(f"'{variant.label}' is for {variant.place}" for variant in table.variants)
        raise UsageError(f"--model, --feature: name no cell of the chosen rows: {own}")
    require_effect(options.overrides, [cell for _, cell in found], workspace)
    return found


def _models(variant: Variant, options: Options) -> Sequence[str]:
    """Return the models of a variant; one that has a model is never read for another, which its values may not fit."""
    if not variant.model:
        return options.models
    return [variant.model] if {"all", variant.model} & set(options.models) else []


def _all_seeds(table: Table, options: Options) -> Sequence[int]:
    """Return every seed that some model has."""
    if options.seeds is not None:
        return options.seeds
    return sorted({seed for each in ("", *table.seeds_on) for seed in table.seeds(options, each)})


def _belongs(cell: Cell, variant: Variant, table: Table, options: Options) -> bool:
    return variant.concerns(cell.model, cell.feature) and cell.seed in table.seeds(options, cell.settings.dataset)


def _entries(table: Table, options: Options, workspace: Workspace, *, run_missing: bool) -> list[Entry]:
    if not table.variants:
        return []
    cells = cells_of(table, options, workspace)
    made = plan([cell for _, cell in cells], workspace, "failed", options.suite)
    if run_missing:
        made.require_runnable()
    done = running.run_missing(made, workspace, options.backend) if run_missing else stored(made, workspace)
    return [Entry(variant, each) for (variant, _), each in zip(cells, done, strict=True)]


def _rows(
    table: Table,
    entries: Sequence[Entry],
    options: Options,
    workspace: Workspace,
    names: ValueNames,
    *,
    run_missing: bool,
) -> list[Row]:
    published = read_published(workspace.registry)
    if not table.variants:
        return count_rows(table, options, workspace, published, run_missing=run_missing)
    if table.name == "damage":
        return damage_rows(table, entries, workspace)
    rows = with_best(tidy_rows(table, entries, workspace, published, names), workspace.registry)
    if table.name == "readings":
        return [*rows, *agreement_rows(rows, entries, published)]
    return rows + pretraining_rows(table, entries, workspace) if table.name == "cost" else rows


def _nothing(table: Table, entries: Sequence[Entry], workspace: Workspace) -> str:
    if any(entry.result is not None for entry in entries):
        return (
            f"table {table.name}: no cell stored in {workspace.store.root} has a number of these metrics, so nothing "
            "is written. fid[NAME] needs the extractor NAME: --set evaluation.extractors=NAME"
        )
    reasons = dict.fromkeys(entry.done.why for entry in entries)
    return (
        f"table {table.name}: no number is stored in {workspace.store.root} ({'; '.join(reasons)}), so nothing is "
        "written. Run the command without --no-run to make its cells."
    )
