"""``bench new``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.lists import PLUGINS
from bench.cli.options import plugins
from bench.errors import UsageError
from bench.hookspecs import KINDS


@click.command("new")
@click.argument("kind", type=click.Choice([kind.singular for kind in KINDS]))
@click.argument("name")
@plugins
def command(kind: str, name: str, plugins: tuple[Path, ...]) -> int:
    """Write a working plug-in to start from.

    It goes into the --plugins folder:

    \b
    bench new method my_idea && bench check my_idea
    """
    from bench.authoring.templates import write_template
    from bench.workspace.store.store import Store

    if len(plugins) > 1:
        raise UsageError(f"--plugins: name one folder to write to, not {len(plugins)}")
    Store(plugins[0]).require_writable("--plugins")
    path = write_template(kind, name, plugins[0])
    folder = "" if plugins == PLUGINS else f" --plugins {plugins[0]}"
    click.echo(f"{path}\nCheck it: bench check {name}{folder}")
    return 0
