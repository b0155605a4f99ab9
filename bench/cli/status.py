"""``bench status``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("status")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results/runs"),
    show_default=True,
    help="Folder of stored results.",
)
def command(results: Path) -> int:
    """List stored, running and stopped cells."""
    from bench.errors import EXIT_NOTHING
    from bench.report import text
    from bench.workspace.store import Store

    lines = text.status_lines(Store(results))
    click.echo("\n".join(lines) if lines else f"{results}: nothing is stored there")
    return 0 if lines else EXIT_NOTHING
