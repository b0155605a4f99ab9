"""``bench clean``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import workplace, workspace_at
from bench.errors import unknown

KINDS = ("failed", "stale", "orphaned", "stopped")


@click.command("clean")
@click.option(
    "--what",
    default="failed,stale,orphaned",
    show_default=True,
    metavar="KIND[,KIND...]",
    help="What to remove: failed (cells without a result), stale (cells of older formats, code, weights or data), "
    "orphaned (stages that no cell refers to), stopped (cells and trainings that the same command would resume, and "
    "lists of cells that it had not begun).",
)
@click.option("--yes", is_flag=True, help="Remove it. Without this, only list it.")
@workplace
def command(what: str, yes: bool, plugins: tuple[Path, ...], results: Path, data_dir: Path | None, device: str) -> int:
    """List what can be removed from a results folder, or remove it.

    A folder that a process works on always stays.
    """
    kinds = [part.strip() for part in what.split(",") if part.strip()]
    for kind in kinds:
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS, "--what")
    workspace = workspace_at(plugins, results, data_dir, device, write=yes)
    workspace.store.require_there()
    from bench.experiments.planning.cleaning import clean, plan_cleaning
    from bench.report.terminal import cleaning as text

    found = plan_cleaning(workspace, kinds)
    for line in text.lines(found):
        click.echo(line)
    click.echo(text.outcome(found, clean(workspace, found) if yes else None))
    return 0
