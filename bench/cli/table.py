"""``bench table``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.options import choice, require_one, seeds, suite, warm_up, workplace, workspace_at, written


@click.command("table")
@click.argument("name")
@suite
@choice("table", "model", "Model(s).")
@choice("table", "feature", "Feature(s).")
@choice("table", "method", "Method(s) to add to the table's own.", "")
@seeds("table", "0-4", "Seeds to average over.")
@written("csv,latex,html", "results/tables")
@workplace
def command(
    name: str,
    formats: str,
    out: Path,
    no_run: bool,
    dry_run: bool,
    plugins: Path,
    results: Path,
    data_dir: Path | None,
    device: str,
    **asked: Any,
) -> int:
    """Make a table as CSV, LaTeX and HTML.

    NAME is 1 to 5, readings, tradeoff, damage, clicks or cost. Missing cells run first.
    """
    require_one(dry_run, no_run)
    if not (no_run or dry_run):
        warm_up()
    workspace = workspace_at(plugins, results, data_dir, device, write=not (no_run or dry_run))
    from bench.report.definitions import Options
    from bench.report.tables import make_table, plan_table

    if dry_run:
        click.echo(plan_table(name, Options(**asked), workspace, formats=formats.split(",")))
        return 0
    made = make_table(name, Options(**asked), workspace, run_missing=not no_run, formats=formats.split(","), out=out)
    click.echo(made.text)
    click.echo("\n".join(str(path) for path in made.paths))
    return made.code
