"""``bench pretrain``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_workshop, workplace
from bench.errors import UsageError


@click.command("pretrain")
@click.option("--model", default=None, help="Model to train.")
@click.option("--classifier", default=None, help="Classifier or extractor to train.")
@click.option("--dataset", default=None, help="Data set; the suite's by default.")
@click.option("--suite", default="lite", show_default=True, help="Suite whose settings are used.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of initial weights and training noise.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="Field of the recipe.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Weights file to write.")
@click.option(
    "--ship", default=None, metavar="NAME", help="Write into the package's zoo under this name (maintainers)."
)
@workplace
def command(
    model: str | None,
    classifier: str | None,
    dataset: str | None,
    suite: str,
    seed: int,
    params: tuple[str, ...],
    out: Path | None,
    ship: str | None,
    plugins: Path,
    results: Path,
    data_dir: Path | None,
    device: str,
) -> int:
    """Train a generator or a classifier from scratch; a stopped training goes on."""
    if (model is None) == (classifier is None):
        raise UsageError("name one of --model and --classifier")
    shop = open_workshop(plugins, results, data_dir, device)
    from bench.pretrain import pretrain_command

    click.echo(pretrain_command(shop, model, classifier, dataset, suite, seed, params, out, ship))
    return 0
