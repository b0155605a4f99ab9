"""``bench status``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.options import choice, results_folder, seeds

STATUSES = ("ok", "failed", "diverged", "killed", "timeout", "skipped", "running", "waiting", "stopped", "unreadable")


@click.command("status")
@choice("status", "method", "Only cells of these methods.", "")
@choice("status", "model", "Only cells of these models.", "")
@choice("status", "feature", "Only cells of these features.", "")
@seeds("status", None, "Only cells of these seeds.")
@click.option("--status", "statuses", type=click.Choice(STATUSES), multiple=True, help="Only cells of this status.")
@click.option("--json", "as_json", is_flag=True, help="Print each cell as one line of JSON.")
@results_folder
def command(results: Path, as_json: bool, **asked: Any) -> int:
    """List stored, running, waiting and stopped cells, also those of other commands."""
    from bench.errors import EXIT_NOTHING
    from bench.report.terminal import listing
    from bench.workspace.store.store import Store

    store = Store(results)
    store.require_folder()
    found = listing.listed(store, listing.Filters(**{name: each or () for name, each in asked.items()}))
    for line in listing.json_lines(found) if as_json else listing.lines(found):
        click.echo(line)
    if not found:
        below = "" if any(asked.values()) else "".join(f". Try --results {each}" for each in store.folders_below()[:1])
        what = "no such cell" if any(asked.values()) else "nothing"
        click.echo(f"{results}: {what} is stored there{below}", err=True)
    return 0 if found else EXIT_NOTHING
