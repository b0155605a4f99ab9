"""``bench check``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.executing import Quantity
from bench.cli.options import data_dir, open_registry, plugins
from bench.errors import EXIT_PLUGIN, UsageError


@click.command("check")
@click.argument("name")
@plugins
@data_dir
@click.option(
    "--timeout",
    type=Quantity("SECONDS", {"": 1.0}, "a number of seconds, such as 600"),
    default=600,
    show_default=True,
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
    if not loose and (path.suffix or len(path.parts) > 1) and path.exists():
        raise UsageError(f"{path}: is not a Python file. NAME is a registered name (bench list), or a file FILE.py")
    from bench.authoring.apart import checked_apart
    from bench.authoring.outcome import Outcome, line_of, summary

    registered, registry = name, open_registry(plugins)
    if loose:  # its neighbours too: a data set names its oracle
        path = path.resolve()
        whole = path.parent if path.stem == "__init__" else path
        registered, registry = whole.stem, open_registry((whole.parent,), (path,))
        if all(source.path != path for source in registry.sources):
            raise UsageError(f"{name}: registers no plug-in. {_remedy(whole.stem)}")
    outcomes: list[Outcome] = []
    for outcome in checked_apart(registered, registry.folders, registry.files, data_dir, timeout):
        click.echo(line_of(outcome, outcomes))
        outcomes.append(outcome)
    click.echo("\n".join(summary(outcomes)))
    return EXIT_PLUGIN if any(outcome.problem for outcome in outcomes) else 0


def _remedy(stem: str) -> str:
    """Say what a file lacks to be a plug-in."""
    if stem.startswith("_"):
        return "A file whose name starts with _ is a helper of others; name it otherwise"
    return "It needs a hook, such as register_methods; `bench new method NAME` writes a file that has one"
