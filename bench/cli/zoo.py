"""``bench zoo``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_workshop, workplace


@click.group("zoo")
def command() -> None:
    """Shipped weights and reference statistics."""


@command.command("list")
def list_() -> int:
    """List what is shipped: name, size, what it is, and the command that made it."""
    from bench.zoo import WEIGHTS, entries

    for name, entry in entries().items():
        size = (WEIGHTS / entry.file).stat().st_size / 1e6
        click.echo(f"{name:26} {size:6.2f} MB  {entry.description}\n{'':26}            {entry.command}")
    return 0


@command.command("statistics")
@click.option("--dataset", required=True, help="Data set whose training split is described.")
@click.option("--extractor", required=True, help="Feature extractor.")
@workplace
def statistics(dataset: str, extractor: str, plugins: Path, results: Path, data_dir: Path | None, device: str) -> int:
    """Make the reference statistics of a data set again (maintainers)."""
    shop = open_workshop(plugins, results, data_dir, device)
    from bench.reference import ship_statistics

    click.echo(ship_statistics(shop, dataset, extractor))
    return 0
