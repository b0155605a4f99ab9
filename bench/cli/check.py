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
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long one check may take.",
)
def command(name: str, plugins: tuple[Path, ...], data_dir: Path | None, timeout: float) -> int:
    """Check that a plug-in keeps the contract.

    NAME is a registered name, or a Python file. A data set that reads files is checked on them with --data-dir.
    """
    path = Path(name)
    loose = path.suffix == ".py"
    if loose and not path.is_file():
        raise UsageError(f"{path}: no such file")
    from bench.authoring.apart import checked_apart
    from bench.authoring.outcome import Outcome, line_of, summary

    registered, registry = name, open_registry(plugins)
    if loose:  # its neighbours too: a data set names its oracle
        path = path.resolve()
        whole = path.parent if path.stem == "__init__" else path
        registered, registry = whole.stem, open_registry((whole.parent,), (path,))
    outcomes: list[Outcome] = []
    for outcome in checked_apart(registered, registry.folders, registry.files, data_dir, timeout):
        click.echo(line_of(outcome, outcomes))
        outcomes.append(outcome)
    click.echo("\n".join(summary(outcomes)))
    return EXIT_PLUGIN if any(outcome.problem for outcome in outcomes) else 0
