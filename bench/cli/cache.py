"""``bench cache``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.executing import SIZES, Quantity
from bench.cli.options import results_folder, workplace, workspace_at


@click.group("cache")
def command() -> None:
    """Look at what cells share (clicks, unlearned weights, what was seen of samples), check it, and make room."""


@command.command("ls")
@results_folder
def ls(results: Path) -> int:
    """List what is kept: size, cells that refer to it, when it was written."""
    from datetime import datetime

    from bench.core.durations import number_of
    from bench.report.terminal.cleaning import size
    from bench.workspace.store.caching import cached
    from bench.workspace.store.store import Store

    store = Store(results)
    store.require_folder()
    store.require_there()
    found = cached(store)
    for each in found:
        written = datetime.fromtimestamp(each.written)
        cells = "cell " if each.cells == 1 else "cells"
        click.echo(f"{size(each.bytes):>10}  {each.cells:4} {cells}  {written:%Y-%m-%d %H:%M}  {each.path}")
    click.echo(f"{size(sum(each.bytes for each in found)):>10}  in {number_of(len(found), 'folder')}")
    return 0


@command.command("verify")
@results_folder
def verify(results: Path) -> int:
    """Read all that is kept, and compare every sha256.

    The exit code is 1 if something is damaged. bench doctor --verify also reads the cells, the data and the weights.
    """
    from bench.core.durations import number_of
    from bench.errors import EXIT_SOME_FAILED
    from bench.workspace.doctor import damaged_stages
    from bench.workspace.store.store import Store

    store = Store(results)
    store.require_folder()
    store.require_there()
    problems = [*damaged_stages(store)]
    for problem in problems:
        click.echo(f"PROBLEM: {problem}")
    click.echo(f"{number_of(len(store.stages()), 'sealed folder')}, {number_of(len(problems), 'damaged file')}")
    return EXIT_SOME_FAILED if problems else 0


@command.command("gc")
@click.option(
    "--max-size",
    type=Quantity("SIZE", SIZES, "10GB or 500MB"),
    default=None,
    help="Also remove the oldest stages that cells refer to, until at most this much is kept: 10GB. Cells stay as they "
    "are; a further metric computes again what it needs.",
)
@click.option("--yes", is_flag=True, help="Remove it. Without this, only list it.")
@workplace
def gc(
    max_size: float | None, yes: bool, plugins: tuple[Path, ...], results: Path, data_dir: Path | None, device: str
) -> int:
    """List the stages that no cell refers to, as bench clean --what orphaned does, or remove them."""
    workspace = workspace_at(plugins, results, data_dir, device, write=yes)
    workspace.store.require_there()
    from bench.experiments.planning.cleaning import clean, plan_cleaning, with_oldest
    from bench.report.terminal import cleaning as text

    found = plan_cleaning(workspace, ["orphaned"])
    if max_size is not None:
        found = with_oldest(found, workspace, max_size)
    for line in text.lines(found):
        click.echo(line)
    click.echo(text.outcome(found, clean(workspace, found) if yes else None))
    return 0
