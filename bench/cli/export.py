"""``bench export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.options import choice, results_folder, seeds


@click.command("export")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A folder, or an archive: a file that ends in .zip."
)
@choice("export", "method", "Only cells of these methods.", "")
@choice("export", "model", "Only cells of these models.", "")
@choice("export", "feature", "Only cells of these features.", "")
@seeds("export", None, "Only cells of these seeds.")
@results_folder
def command(out: Path, results: Path, **asked: Any) -> int:
    """Copy stored cells with all their files, to be given to others or moved to another machine.

    Another results folder takes them with bench merge. Cells without a result (failed, stopped) are left out.
    """
    from bench.core.durations import number_of
    from bench.errors import EXIT_NOTHING
    from bench.report.terminal import cleaning, listing
    from bench.workspace.store.exporting import export
    from bench.workspace.store.store import Store

    store = Store(results)
    store.require_folder()
    filters = listing.Filters(**{name: each or () for name, each in asked.items()}, statuses=("ok", "skipped"))
    folders = [each.folder for each in listing.listed(store, filters)]
    if not folders:
        click.echo(f"{results}: {'no such cell' if any(asked.values()) else 'nothing'} is stored there", err=True)
        return EXIT_NOTHING
    size = export(folders, out)
    click.echo(f"{out}: {number_of(len(folders), 'cell')}, {cleaning.size(size)}")
    return 0
