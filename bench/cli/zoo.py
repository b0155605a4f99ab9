"""``bench zoo``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_registry, open_workshop, plugins, workplace


@click.group("zoo")
def command() -> None:
    """Shipped weights, reference statistics, official checkpoints."""


@command.command("list")
def list_() -> int:
    """List what is shipped: name, size, what it is, and the command that made it."""
    from bench.zoo import WEIGHTS, entries

    for name, entry in entries().items():
        size = (WEIGHTS / entry.file).stat().st_size / 1e6
        click.echo(f"{name:26} {size:6.2f} MB  {entry.description}\n{'':26}            {entry.command}")
    return 0


@command.command("statistics")
@click.option("--dataset", required=True, help="Data set whose training split is described.")
@click.option("--extractor", required=True, help="Feature extractor.")
@workplace
def statistics(dataset: str, extractor: str, plugins: Path, results: Path, data_dir: Path | None, device: str) -> int:
    """Make the reference statistics of a data set again (maintainers)."""
    shop = open_workshop(plugins, results, data_dir, device)
    from bench.reference import ship_statistics

    click.echo(ship_statistics(shop, dataset, extractor))
    return 0


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "layout",
    type=click.Choice(["vdvae", "pgan"]),
    required=True,
    help="vdvae: openai/vdvae, *-model-ema.th. pgan: facebookresearch/pytorch_GAN_zoo, a progressive GAN.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Weights file to write (.safetensors).")
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="Field of the model, as bench show lists them.",
)
@plugins
def import_(file: Path, layout: str, out: Path, params: tuple[str, ...], plugins: Path) -> int:
    """Convert an official checkpoint to weights for --weights; nothing in it is run.

    \b
    bench zoo import imagenet64-iter-1600000-model-ema.th --format vdvae --out vdvae.safetensors
    bench zoo import celebaHQ_s6_i80000-6196db68.pth --format pgan --out proggan.safetensors
    """  # noqa: D301 (click reads \\b as a mark: keep lines)
    registry = open_registry(plugins)
    from bench.importing import import_release
    from bench.settings import parse_assignments

    given = {name: values[0] if len(values) == 1 else values for name, values in parse_assignments(params).items()}
    click.echo(import_release(registry, file, layout, out, given))
    return 0


@command.command("counterfactual")
@click.option("--dataset", required=True, help="Data set that can redraw its images.")
@click.option("--feature", required=True, help="Feature to be removed.")
@workplace
def counterfactual(dataset: str, feature: str, plugins: Path, results: Path, data_dir: Path | None, device: str) -> int:
    """Learn again what images are without a feature, for counterfactual_error (maintainers)."""
    shop = open_workshop(plugins, results, data_dir, device)
    from bench.counterfactual import ship_remover

    click.echo(ship_remover(shop, dataset, feature))
    return 0
