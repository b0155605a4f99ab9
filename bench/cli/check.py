"""``bench check``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import data_dir, open_registry, plugins
from bench.errors import EXIT_PLUGIN, UsageError


@click.command("check")
@click.argument("name")
@plugins
@data_dir
def command(name: str, plugins: Path, data_dir: Path | None) -> int:
    """Check that a plug-in keeps the contract.

    NAME is a registered name, or a Python file. A data set that reads files is checked on them with --data-dir.
    """
    path = Path(name)
    loose = path.suffix == ".py"
    if loose and not path.is_file():
        raise UsageError(f"{path}: no such file")
    from bench.authoring.conformance import checked, line_of, summary

    registered, registry = name, open_registry(plugins)
    if loose:  # its neighbours too: a data set names its oracle
        path = path.resolve()
        registered, folder = (
            (path.parent.name, path.parents[1]) if path.stem == "__init__" else (path.stem, path.parent)
        )
        registry = open_registry(folder, (path,))
    outcomes = []
    for outcome in checked(registry, registered, data_dir=data_dir):
        outcomes.append(outcome)
        click.echo(line_of(outcome))
    click.echo("\n".join(summary(outcomes)))
    return EXIT_PLUGIN if any(outcome.problem for outcome in outcomes) else 0
