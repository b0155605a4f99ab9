"""``bench pretrain``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.lists import Seed
from bench.cli.options import require_weights_name, workplace, workspace_at
from bench.errors import UsageError


@click.command("pretrain")
@click.option("--model", metavar="NAME", default=None, help="Model to train.")
@click.option("--classifier", metavar="NAME", default=None, help="Classifier to train, an oracle.")
@click.option("--extractor", metavar="NAME", default=None, help="Extractor to train, for FID and its kin.")
@click.option("--dataset", metavar="NAME", default=None, help="Data set (default: the suite's).")
@click.option("--suite", metavar="NAME|FILE", default="lite", show_default=True, help="Suite whose settings are used.")
@click.option(
    "--seed", type=Seed(), default=0, show_default=True, help="Seed of the initial weights and the training noise."
)
@click.option(
    "-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="Field of its Config (see bench show)."
)
@click.option("--from", "start", default=None, metavar="NAME|FILE", help="Weights to start from: a zoo name or a file.")
@click.option("--half", is_flag=True, help="Store the weights as float16 (half the size); they load as float32.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Weights file to write.")
@click.option(
    "--ship", default=None, metavar="NAME", help="Add the weights to the package's zoo under this name (maintainers)."
)
@workplace
def command(
    model: str | None,
    classifier: str | None,
    extractor: str | None,
    dataset: str | None,
    suite: str,
    seed: int,
    params: tuple[str, ...],
    start: str | None,
    half: bool,
    out: Path | None,
    ship: str | None,
    plugins: tuple[Path, ...],
    results: Path,
    data_dir: Path | None,
    device: str,
) -> int:
    """Train a generator, an oracle or an extractor.

    Run the same command again to resume a stopped training. Processes of torchrun train together.
    """
    named = {"models": model, "classifiers": classifier, "extractors": extractor}
    given = [(kind, name) for kind, name in named.items() if name]
    if len(given) != 1:
        raise UsageError("name exactly one of --model, --classifier and --extractor")
    ((kind, name),) = given
    if out is not None and ship is not None:
        raise UsageError("--out and --ship cannot be combined: --ship writes to the package's own folder")
    if out is not None:
        require_weights_name(out)
    workspace = workspace_at(plugins, results, data_dir, device)
    from bench.experiments.cells.recipes import Recipe, suite_dataset
    from bench.experiments.execution.assisting import with_the_others
    from bench.experiments.execution.pretrain import pretrain_command

    dataset = dataset or suite_dataset(workspace, suite, kind, name)
    recipe = Recipe(kind, name, dataset, seed=seed, start=start, half=half)
    path = with_the_others(lambda: pretrain_command(workspace, recipe, suite, params, out, ship), workspace.progress)
    if path is not None:
        click.echo(path)
    return 0
