"""``bench check``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_registry, plugins
from bench.errors import EXIT_PLUGIN, UsageError


@click.command("check")
@click.argument("name")
@plugins
def command(name: str, plugins: Path) -> int:
    """Check that a plug-in keeps the contract. NAME is a registered name or a Python file."""
    path = Path(name)
    loose = path.suffix == ".py"
    if loose and not path.is_file():
        raise UsageError(f"{path}: no such file")
    from bench.authoring.conformance import check, report

    registered = name
    if loose:
        registered = path.resolve().parent.name if path.name == "__init__.py" else path.stem
    outcomes = check(open_registry(None if loose else plugins, (path.resolve(),) if loose else ()), registered)
    click.echo("\n".join(report(outcomes)))
    failed = sum(outcome.problem is not None for outcome in outcomes)
    click.echo(f"{len(outcomes) - failed} passed, {failed} failed")
    return EXIT_PLUGIN if failed else 0
