"""``bench figure``: run the cells behind a figure, draw it for every model, write the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core.durations import number_of
from bench.errors import EXIT_OK, EXIT_SOME_FAILED, BenchError, UsageError, unknown
from bench.experiments.cells.cell import Cell
from bench.experiments.execution.backends.base import Opened
from bench.experiments.execution.execute import Done, stored
from bench.experiments.planning import effects, grid
from bench.experiments.planning.plan import Plan, plan
from bench.report.figures import apart, attributes, page
from bench.report.figures.series import Panel, Series
from bench.report.names import file_stem
from bench.report.terminal import running, text
from bench.workspace.settings.suites import load_suite
from bench.workspace.settings.values import assignments
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Options:
    """The request of ``bench figure``; without methods, the figure's own ones."""

    suite: str = "lite"
    models: Sequence[str] = ("all",)
    features: Sequence[str] = ("all",)
    methods: Sequence[str] = ()
    seed: int = 0
    params: Sequence[str] = ()
    overrides: Sequence[str] = ()
    backend: Opened | None = None  # who runs what is missing; this process by default


@dataclass(frozen=True)
class Figure:
    """A figure: the methods it shows, and the function that draws a model's panels and says what they are."""

    methods: Sequence[str]
    draw: Callable[[Sequence[Panel]], tuple[Drawing, str]]


FIGURES = {
    "1": Figure(("ours",), partial(apart.drawn, "1")),
    "4": Figure(("ours",), partial(apart.drawn, "4")),
    "5": Figure(("ours",), partial(apart.drawn, "5")),
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
        Folder for ``figure-<number>-<model>.<ext>``; what else was asked for is part of the name.
    """
    figure = _figure(number)
    page.require_formats(formats)
    load_suite(options.suite)
    made = plan(_cells(figure, options, workspace), workspace, "failed", options.suite)
    if run_missing:
        made.require_runnable()
    else:
        _require_stored(number, made, workspace)
    Store(out).require_writable("--out")
    done = running.run_missing(made, workspace, options.backend) if run_missing else stored(made, workspace)
    paths, captions = [], []
    for model in dict.fromkeys(each.planned.cell.model for each in done):
        panels = _panels(number, [each for each in done if each.planned.cell.model == model])
        drawing, caption = figure.draw(panels)
        paths += page.write(drawing, out / _stem(number, model, options), formats)
        captions.append(caption)
    return paths, "\n\n".join(captions), EXIT_SOME_FAILED if any(each.failed for each in done) else EXIT_OK


def _stem(number: str, model: str, options: Options) -> str:
    return file_stem(
        f"figure-{number}",
        suite=load_suite(options.suite).name,
        models=[model],
        features=options.features,
        seeds=[options.seed],
        usual_seeds=[Options().seed],
        more={
            "methods": list(options.methods),
            "params": list(options.params),
            "overrides": list(options.overrides),
        },
    )


def plan_figure(number: str, options: Options, workspace: Workspace, *, formats: Sequence[str]) -> str:
    """Say which cells ``make_figure`` would run, and for how long; runs and writes nothing."""
    figure = _figure(number)
    page.require_formats(formats)
    return text.dry_run(plan(_cells(figure, options, workspace), workspace, "failed", options.suite))


def _figure(number: str) -> Figure:
    if number not in FIGURES:
        raise unknown("figure", number, FIGURES, "NUMBER")
    return FIGURES[number]


def _cells(figure: Figure, options: Options, workspace: Workspace) -> list[Cell]:
    request = grid.Request(
        methods=options.methods or figure.methods,
        models=options.models,
        features=options.features,
        seeds=[options.seed],
        params=options.params,
        suite=options.suite,
        overrides=options.overrides,
    )
    return effects.cells_of_one(request, workspace)


def _require_stored(number: str, made: Plan, workspace: Workspace) -> None:
    missing = [item.name for item in made.waiting if item.action != "measure"]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"figure {number}: {len(missing)} of {number_of(len(made.cells), 'cell')} behind it {are} not stored in "
            f"{workspace.store.root}: {', '.join(missing)}. Run the command without --no-run to make them."
        )


def _panels(number: str, done: Sequence[Done]) -> list[Panel]:
    """Sort a model's cells by feature; a feature of which no cell has an outcome is an error."""
    panels = []
    for feature in dict.fromkeys(each.planned.cell.feature for each in done):
        series, missing = [], []
        for each in [each for each in done if each.planned.cell.feature == feature]:
            label = _label(each.planned.cell)
            if each.record is not None and each.resolved is not None and each.record.status == "ok":
                series.append(Series(label, each.resolved, each.record))
            else:
                missing.append(f"{label} ({each.why})")
        if not series:
            raise BenchError(f"figure {number}: there is nothing to draw for {feature}: {'; '.join(missing)}")
        panels.append(Panel(feature, series, missing))
    return panels


def _label(cell: Cell) -> str:
    """Name a cell by its method and the parameters that were asked for."""
    params = cell.params.model_dump(mode="json")
    typed = ", ".join(assignments({name: params[name] for name in cell.named}))
    return f"{cell.method}\n({typed})" if typed else cell.method
