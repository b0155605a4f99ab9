"""``bench figure``: run the cells behind a figure, draw it for every model, write the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import EXIT_OK, EXIT_SOME_FAILED, BenchError, UsageError, unknown
from bench.experiments import grid, plan
from bench.experiments.cell import Cell, Run
from bench.report import text
from bench.report.figures import attributes, page, samples, traversal
from bench.report.figures.series import Panel, Series
from bench.report.tables import run_missing_cells
from bench.workspace.store import Store
from bench.workspace.suites import load_suite, parse_assignments
from bench.workspace.workspace import Workspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Options:
    """What ``bench figure`` was asked for; no methods are the figure's own."""

    suite: str = "lite"
    models: Sequence[str] = ("all",)
    features: Sequence[str] = ("all",)
    methods: Sequence[str] = ()
    seed: int = 0
    params: Sequence[str] = ()
    overrides: Sequence[str] = ()


@dataclass(frozen=True)
class Figure:
    """A figure: the methods it shows, and the function that draws a model's panels and says what they are."""

    methods: Sequence[str]
    draw: Callable[[Sequence[Panel]], tuple[Drawing, str]]


FIGURES = {
    "1": Figure(("ours",), traversal.traversal),
    "4": Figure(("ours",), samples.still_flagged),
    "5": Figure(("ours",), samples.before_after),
    "6": Figure(("original", "ours", "retrain"), attributes.most_shifted),
}


def make_figure(
    number: str, options: Options, workspace: Workspace, *, run_missing: bool, formats: Sequence[str], out: Path
) -> tuple[list[Path], str, int]:
    """Run the cells that are missing, draw, write the files; returns them, the captions, and the exit code.

    Parameters
    ----------
    number : str
        Of the paper's figure.
    options : Options
    workspace : Workspace
    run_missing : bool
        False to take what is stored; a missing cell is then an error.
    formats : sequence of str
        Of png, pdf.
    out : Path
        Folder for ``figure-<number>-<model>.<ext>``.
    """
    figure = _figure(number)
    page.require_formats(formats)
    load_suite(options.suite)
    runs = [Run(cell, workspace) for cell in _cells(figure, options, workspace, "made" if run_missing else "required")]
    if not run_missing:
        _require_stored(number, runs, workspace)
    Store(out).require_writable("--out")
    reasons, failures = run_missing_cells(runs, workspace) if run_missing else ({}, 0)
    paths, captions = [], []
    for model in dict.fromkeys(run.cell.model for run in runs):
        panels = _panels(number, [run for run in runs if run.cell.model == model], options, reasons)
        drawing, caption = figure.draw(panels)
        paths += page.write(drawing, out / f"figure-{number}-{model}", formats)
        captions.append(caption)
    return paths, "\n\n".join(captions), EXIT_SOME_FAILED if failures else EXIT_OK


def plan_figure(number: str, options: Options, workspace: Workspace, *, formats: Sequence[str]) -> str:
    """Say which cells ``make_figure`` would run, and for how long; runs and writes nothing."""
    figure = _figure(number)
    page.require_formats(formats)
    return text.dry_run(_cells(figure, options, workspace, "named"), workspace, options.suite, "failed")


def _figure(number: str) -> Figure:
    if number not in FIGURES:
        raise unknown("figure", number, FIGURES, "NUMBER")
    return FIGURES[number]


def _cells(figure: Figure, options: Options, workspace: Workspace, weights: grid.Weights) -> list[Cell]:
    request = grid.Request(
        methods=options.methods or figure.methods,
        models=options.models,
        features=options.features,
        seeds=[options.seed],
        params=options.params,
        suite=options.suite,
        overrides=options.overrides,
    )
    return grid.cells(request, workspace, weights=weights)


def _require_stored(number: str, runs: Sequence[Run], workspace: Workspace) -> None:
    planned = plan.plan([run.cell for run in runs], workspace, "failed")
    missing = [item.run.folder.name for item in planned if item.action != "cached"]
    if missing:
        raise UsageError(
            f"figure {number}: {len(missing)} of {len(planned)} cells behind it are not stored in "
            f"{workspace.store.root}: {', '.join(missing)}. Without --no-run they are run."
        )


def _panels(number: str, runs: Sequence[Run], options: Options, reasons: Mapping[str, str]) -> list[Panel]:
    """Sort a model's cells by feature; a feature of which no cell has an outcome is an error."""
    asked = parse_assignments(options.params)
    panels = []
    for feature in dict.fromkeys(run.cell.feature for run in runs):
        series, missing = [], []
        for run in [run for run in runs if run.cell.feature == feature]:
            record, label = run.workspace.store.read(run.folder), _label(run, asked)
            if record is not None and record.status == "ok":
                series.append(Series(label, run, record))
            else:
                missing.append(f"{label} ({reasons.get(run.folder.name) or (record.outcome if record else 'not run')})")
        if not series:
            raise BenchError(f"figure {number}: there is nothing to draw for {feature}: {'; '.join(missing)}")
        panels.append(Panel(feature, series, missing))
    return panels


def _label(run: Run, asked: Mapping[str, object]) -> str:
    """Name a cell by its method and the parameters that were typed."""
    params = run.cell.params.model_dump(mode="json")
    typed = ", ".join(f"{name}={params[name]}" for name in asked if name in params)
    return f"{run.cell.method}\n({typed})" if typed else run.cell.method
