"""The files of a table: CSV, LaTeX and HTML, each in its own module; and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.core.files import write_bytes
from bench.errors import UsageError
from bench.report.names import file_stem
from bench.report.tables.agreement import METRICS, agreement_grid
from bench.report.tables.captions import caption_of
from bench.report.tables.columns import fitting, shown
from bench.report.tables.definitions import Options, Table, table_named
from bench.report.tables.entry import Entry
from bench.report.tables.formats.html import html_text
from bench.report.tables.formats.latex import latex_text
from bench.report.tables.formats.plain import BEST, plain_text
from bench.report.tables.grid import Grid, grid_of
from bench.report.tables.row import Row, frame_of
from bench.workspace.settings.suites import load_suite

SUFFIX = {"csv": ".csv", "latex": ".tex", "html": ".html"}


def files_of(table: str, options: Options, formats: Sequence[str], out: Path) -> dict[str, Path]:
    """Return by format where a table goes: a file that ``--out`` names, or files in that folder.

    Raises
    ------
    UsageError
        If a format is unknown, or ``--out`` names a file of another one.
    """
    wrong = [name for name in formats if name not in SUFFIX]
    if wrong or not formats:
        raise UsageError(f"--formats {','.join(wrong)}: expected some of {','.join(SUFFIX)}")
    named = next((name for name, suffix in SUFFIX.items() if out.suffix == suffix), None)
    if named is not None:
        if named not in formats:
            raise UsageError(f"--out {out}: is a file of format {named}, and --formats are {','.join(formats)}")
        return {named: out}
    stem = file_stem(
        f"table-{table}",
        suite=load_suite(options.suite).name,
        models=options.models,
        features=options.features,
        seeds=options.seeds or (),
        usual_seeds=() if options.seeds is None or table_named(table).seeds_on else table_named(table).usual,
        more={
            "methods": list(options.methods),
            "only": list(options.only),
            "metrics": list(options.metrics),
            "overrides": list(options.overrides),
        },
    )
    return {name: out / f"{stem}{SUFFIX[name]}" for name in formats}


def write(
    table: Table, rows: Sequence[Row], entries: Sequence[Entry], options: Options, files: dict[str, Path]
) -> list[Path]:
    """Write a table in each format; returns the files."""
    for name, path in files.items():
        if name == "csv":
            text = frame_of(rows).to_csv(index=False)
        elif name == "latex":
            few = fitting(table, rows)
            caption, label = caption_of(table, few, entries, options), f"tab:{path.stem.removeprefix('table-')}"
            text = latex_text(_parts(table, few), caption, label, _further(shown(table, rows), few))
        else:
            text = html_text(_parts(table, shown(table, rows)), caption_of(table, rows, entries, options), table.title)
        write_bytes(path, text.encode())
    return list(files.values())


def _further(rows: Sequence[Row], few: Sequence[Row]) -> list[str]:
    """Return the columns that LaTeX leaves out, to fit a page."""
    return [name for name in dict.fromkeys(row.metric for row in rows if row.column) if name not in _names(few)]


def _names(rows: Sequence[Row]) -> set[str]:
    return {row.metric for row in rows}


def _parts(table: Table, rows: Sequence[Row]) -> list[Grid]:
    """Return a table as it is laid out, and below it the agreement with the paper where there is one."""
    agreement = [row for row in rows if row.metric in METRICS]
    own = [row for row in rows if row.metric not in METRICS]
    return [grid_of(table, own), *([agreement_grid(agreement)] if agreement else [])]


def as_text(table: Table, rows: Sequence[Row], entries: Sequence[Entry], options: Options) -> str:
    """Format a table for a terminal."""
    return plain_text(
        _parts(table, shown(table, rows)), caption_of(table, rows, entries, options, best=BEST, brackets=False)
    )
