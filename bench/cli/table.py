"""``bench table``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.executing import executing, taken
from bench.cli.options import choice, require_one, seeds, suite, warm_up, workplace, workspace_at, written


def _refused(out: Path) -> str:
    if out.suffix in (".csv", ".tex", ".html"):
        return ""
    return "is not csv, tex or html. Name a folder, or a file that ends in .csv, .tex or .html"


@click.command("table")
@click.argument("name")
@suite
@choice("table", "model", "Model(s).")
@choice("table", "feature", "Feature(s).")
@choice("table", "method", 'Method(s) to add to the table\'s own; with parameters: "mine -p mix=0.5".', "")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME[,NAME...]",
    help="Rows to show: labels of the table, or methods, the table's own or others.",
)
@click.option(
    "--metric",
    "metrics",
    metavar="NAME[,NAME...]",
    default="",
    help="Columns instead of the table's own: names of values, or of metrics; +NAME adds one.",
)
@seeds("table", None, "Seeds to average over.  [default: 0-4; table budget: 0-2; table damage on MNIST: 0-9]")
@written(
    "csv,latex,html", "results/tables", "Folder to write to, or one file: FILE.csv, FILE.tex or FILE.html.", _refused
)
@executing
@workplace
def command(
    name: str,
    metrics: str,
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
    """Make a table as CSV, LaTeX and HTML.

    NAME is 1 to 5, fidelity, readings, tradeoff, damage, clicks, budget, steps or cost. Missing cells run first.
    """
    require_one(dry_run, no_run)
    how = taken(asked)
    if not (no_run or dry_run) and how.in_this_process:
        warm_up()
    workspace = workspace_at(plugins, results, data_dir, device, write=not (no_run or dry_run))
    from bench.report.tables.definitions import Options
    from bench.report.tables.making import make_table, plan_table

    options = Options(
        metrics=[part.strip() for part in metrics.split(",") if part.strip()], backend=how.opened, **asked
    )
    if dry_run:
        click.echo(plan_table(name, options, workspace, formats=formats.split(","), out=out))
        return 0
    made = make_table(name, options, workspace, run_missing=not no_run, formats=formats.split(","), out=out)
    for line in (made.text, *map(str, made.paths)):
        if line:
            click.echo(line)
    return made.code
