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
    help="Text file with the clicked samples, one a line (17 or 000017.png); or a folder of their pictures.",
)
@click.option("--feature", required=True, help="What the clicked samples have.")
@click.option(
    "--also", multiple=True, metavar="NAME=FILE", help="Clicks on another attribute of the same samples (-p keep=NAME)."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Feedback file to write.")
def command(folder: Path, clicked: Path, feature: str, also: tuple[str, ...], out: Path) -> int:
    """Make a feedback file of clicks on the samples that `bench sample` drew into FOLDER."""
    from bench.feedback.folder import click_samples, lists_of

    made = click_samples(folder, clicked, feature, out, lists_of(also))
    click.echo(f"{out}: {len(made.positive)} of {made.count} samples of '{made.model}' have '{feature}'")
    return 0
