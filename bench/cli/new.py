"""``bench new``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import plugins


@click.command("new")
@click.argument("kind", type=click.Choice(["method", "model", "metric"]))
@click.argument("name")
@plugins
def command(kind: str, name: str, plugins: Path) -> int:
    """Write a working plug-in to start from, into the --plugins folder."""
    from bench.authoring.templates import write_template

    path = write_template(kind, name, plugins)
    click.echo(f"{path}\nCheck it: bench check {name}{'' if plugins == Path('plugins') else f' --plugins {plugins}'}")
    return 0
