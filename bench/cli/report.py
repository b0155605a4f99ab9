"""``bench report``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_registry, plugins


@click.command("report")
@click.option(
    "--results", "roots", type=click.Path(path_type=Path), multiple=True, default=[Path("results/runs")],
    show_default="results/runs", help="Folder of stored results; may be repeated.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True, help="HTML file to write."
)
@plugins
def command(roots: tuple[Path, ...], out: Path, plugins: tuple[Path, ...]) -> int:
    """Write one HTML file with all stored results: tables, pictures, plots, records.

    It holds everything that it shows, and asks for nothing from elsewhere: send it as it is.
    """
    registry = open_registry(plugins)
    from bench.core.durations import number_of
    from bench.errors import EXIT_NOTHING
    from bench.report.page.making import make_report

    path, gathered = make_report(roots, out, registry)
    others = f", {len(gathered.others)} without a result" if gathered.others else ""
    click.echo(f"{path}: {number_of(len(gathered.cells), 'cell')}{others}")
    return 0 if gathered.cells else EXIT_NOTHING
