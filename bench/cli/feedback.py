"""``bench feedback``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("feedback")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--clicked",
    type=click.Path(path_type=Path),
    required=True,
    help="The clicked samples: a text file with one per line (17 or 000017.png), or a folder with copies of their "
    "pictures.",
)
@click.option("--feature", metavar="NAME", required=True, help="Feature that the clicked samples have.")
@click.option(
    "--also",
    multiple=True,
    metavar="NAME=FILE",
    help="Clicks on a further attribute of the same samples, for -p keep=NAME; may be repeated.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Feedback file to write.")
def command(folder: Path, clicked: Path, feature: str, also: tuple[str, ...], out: Path) -> int:
    """Write a feedback file from clicks on samples.

    FOLDER holds the samples, drawn by `bench sample`.
    """
    from bench.feedback.clicked import lists_of
    from bench.feedback.folder import click_samples

    made = click_samples(folder, clicked, feature, out, lists_of(also))
    click.echo(f"{out}: {len(made.positive)} of {made.count} samples of '{made.model}' have '{feature}'")
    return 0
