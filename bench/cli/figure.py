"""``bench figure``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.executing import executing, taken
from bench.cli.lists import Seed
from bench.cli.options import choice, file_named, params, require_one, suite, warm_up, workplace, workspace_at, written


@click.command("figure")
@click.argument("number")
@suite
@choice("figure", "model", "Model(s); one file each.")
@choice("figure", "feature", "Feature(s).")
@choice("figure", "method", "Method(s) to show (default: ours; figure 6: original, ours, retrain).", "")
@params
@click.option("--seed", type=Seed(), default=0, show_default=True, help="Seed of the feedback and of the unlearning.")
@written(
    "png,pdf",
    "results/figures",
    "Folder to write to.",
    lambda out: f"{file_named(out)}, and choose with --formats png or --formats pdf",
)
@executing
@workplace
def command(
    number: str,
    formats: str,
    out: Path,
    no_run: bool,
    dry_run: bool,
    plugins: tuple[Path, ...],
    results: Path,
    data_dir: Path | None,
    device: str,
    **asked: Any,
) -> int:
    """Draw a figure of the paper for each model.

    NUMBER is 1, 4, 5 or 6. Missing cells run first.
    """
    require_one(dry_run, no_run)
    how = taken(asked)
    if not dry_run:  # the pictures are drawn in processes of this one
        warm_up()
    workspace = workspace_at(plugins, results, data_dir, device, write=not (no_run or dry_run))
    from bench.report.figures.making import Options, make_figure, plan_figure

    if dry_run:
        click.echo(plan_figure(number, Options(backend=how.opened, **asked), workspace, formats=formats.split(",")))
        return 0
    paths, captions, code = make_figure(
        number,
        Options(backend=how.opened, **asked),
        workspace,
        run_missing=not no_run,
        formats=formats.split(","),
        out=out,
    )
    click.echo(captions)
    click.echo("\n".join(str(path) for path in paths))
    return code
