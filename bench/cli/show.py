"""``bench show``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_registry, plugins


@click.command("show")
@click.argument("name")
@plugins
def command(name: str, plugins: Path) -> int:
    """Show a plug-in and its hyper-parameters."""
    from bench.authoring.show import describe

    click.echo(describe(open_registry(plugins), name))
    return 0
