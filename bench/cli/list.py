"""``bench list``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_registry, plugins
from bench.errors import EXIT_PLUGIN
from bench.hookspecs import KINDS

SUITES = Path(__file__).parents[1] / "suites"
SHOWN = (*(kind.name for kind in KINDS), "suites")


@click.command("list")
@click.argument("kind", type=click.Choice(SHOWN), required=False)
@click.option("--check", is_flag=True, help="Import every plug-in and show the broken ones with their reason.")
@click.option("--sources", is_flag=True, help="Show where each plug-in is loaded from, and the sha256 of its file.")
@plugins
def command(kind: str | None, check: bool, sources: bool, plugins: tuple[Path, ...]) -> int:
    """List plug-ins and suites."""
    registry = open_registry(plugins)
    problems = registry.problems() if check else {}
    for each in [kind] if kind else SHOWN:
        click.secho(each, bold=True)
        if each == "suites":
            for path in sorted(SUITES.glob("*.toml")):
                click.echo(f"  {path.stem:14} {path.read_text().splitlines()[0].lstrip('# ')}")
        for source in registry.sources:
            if source.kind.name == each:
                state = "" if source.origin == "built-in" else f"  [{source.origin}]"
                broken = problems.get((each, source.name))
                if sources and not broken:
                    sha256 = source.sha256 or "no file"
                    click.echo(f"  {source.name:14} {sha256:64}  {source.origin}: {source.path or source.module}")
                    continue
                click.echo(f"  {source.name:14} {f'BROKEN: {broken}' if broken else source.summary}{state}")
    return EXIT_PLUGIN if problems else 0
