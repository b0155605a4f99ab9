"""``bench pretrain``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bench.cli.options import open_workspace, workplace
from bench.errors import UsageError
from bench.hookspecs import KINDS

F = TypeVar("F", bound=Callable[..., Any])

TRAINED = [kind for kind in KINDS if kind.trained]


def _kinds(command: F) -> F:
    """Add --model, --classifier, --extractor."""
    for kind in reversed(TRAINED):
        command = click.option(f"--{kind.singular}", default=None, help=f"{kind.label.capitalize()} to train.")(command)
    return command


@click.command("pretrain")
@_kinds
@click.option("--dataset", default=None, help="Data set; the suite's by default.")
@click.option("--suite", default="lite", show_default=True, help="Suite whose settings are used.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of initial weights and training noise.")
@click.option(
    "-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="Field of the recipe; lists have commas."
)
@click.option("--from", "start", default=None, metavar="WEIGHTS", help="Go on from these: a zoo name, or a file.")
@click.option("--half", is_flag=True, help="Store the weights as float16, half the size; they load as float32.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Weights file to write.")
@click.option(
    "--ship", default=None, metavar="NAME", help="Write into the package's zoo under this name (maintainers)."
)
@workplace
def command(
    dataset: str | None,
    suite: str,
    seed: int,
    params: tuple[str, ...],
    start: str | None,
    half: bool,
    out: Path | None,
    ship: str | None,
    plugins: Path,
    results: Path,
    data_dir: Path | None,
    device: str,
    **named: str | None,
) -> int:
    """Train a generator, an oracle or an extractor, from scratch or further; a stopped training resumes."""
    given = [(kind, name) for kind in TRAINED if (name := named[kind.singular]) is not None]
    if len(given) != 1:
        raise UsageError(f"name one of {', '.join(f'--{kind.singular}' for kind in TRAINED)}")
    ((kind, name),) = given
    workspace = open_workspace(plugins, results, data_dir, device)
    from bench.experiments.pretrain import Recipe, pretrain_command

    recipe = Recipe(kind.name, name, dataset or "", seed=seed, start=start, half=half)
    click.echo(pretrain_command(workspace, recipe, suite, params, out, ship))
    return 0
