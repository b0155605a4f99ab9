"""``bench new``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import plugins
from bench.hookspecs import KINDS


@click.command("new")
@click.argument("kind", type=click.Choice([kind.singular for kind in KINDS]))
@click.argument("name")
@plugins
def command(kind: str, name: str, plugins: Path) -> int:
    """Write a working plug-in to start from.

    It goes into the --plugins folder:

    \b
    bench new method my_idea && bench check my_idea
    """
    from bench.authoring.templates import write_template

    path = write_template(kind, name, plugins)
    click.echo(f"{path}\nCheck it: bench check {name}{'' if plugins == Path('plugins') else f' --plugins {plugins}'}")
    return 0
