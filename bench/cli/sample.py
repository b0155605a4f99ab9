"""``bench sample``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import file_named, no_file, open_registry, plugins
from bench.core import limits


@click.command("sample")
@click.option("--weights", metavar="NAME|FILE", required=True, help="Weights of the generator: a zoo name or a file.")
@click.option(
    "--count", type=click.IntRange(1, limits.SAMPLES), default=64, show_default=True, help="Number of images."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    callback=no_file(file_named),
    help="Folder for the PNG files, grid.png, and samples.json, which `bench feedback` reads.",
)
@click.option("--stream", default="sample", show_default=True, help="Random stream of the noise.")
@plugins
def command(weights: str, count: int, out: Path, stream: str, plugins: tuple[Path, ...]) -> int:
    """Draw images from a generator, original or unlearned.

    `bench feedback` turns clicks on them into a feedback file.
    """
    registry = open_registry(plugins)
    from bench.core.durations import number_of
    from bench.feedback.folder import show_samples

    show_samples(registry, weights, count, out, stream)
    click.echo(f"{number_of(count, 'image')} and grid.png in {out}")
    return 0
