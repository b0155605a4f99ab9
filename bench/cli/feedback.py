"""``bench feedback``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.errors import UsageError


def _folder(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    if value.is_file():
        raise UsageError(f"FOLDER: {value} is a file. Name the folder that `bench sample` wrote: {value.parent}")
    return value


def _cell(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.is_file():
        raise UsageError(f"--cell {value}: is a file. Name the folder of the cell: {value.parent}")
    return value


@click.command("feedback")
@click.argument("folder", type=click.Path(path_type=Path), callback=_folder)
@click.option(
    "--clicked",
    type=click.Path(path_type=Path),
    required=True,
    help="The clicked samples: a text file with one per line (17 or 000017.png), or a folder with copies of their "
    "pictures.",
)
@click.option("--feature", metavar="NAME", help="Feature that the clicked samples have.")
@click.option(
    "--also",
    multiple=True,
    metavar="NAME=FILE",
    help="Clicks on a further attribute of the same samples, for -p keep=NAME; may be repeated.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Feedback file to write.")
@click.option(
    "--cell",
    type=click.Path(path_type=Path),
    callback=_cell,
    help="Instead of --out: folder of a stored cell. FOLDER holds samples of its unlearned weights; the share of them "
    "that still has the feature is stored with the cell.",
)
def command(
    folder: Path, clicked: Path, feature: str | None, also: tuple[str, ...], out: Path | None, cell: Path | None
) -> int:
    """Write a feedback file from clicks on samples, or store how many samples still have the feature after unlearning.

    FOLDER holds the samples, drawn by `bench sample`.
    """
    from bench.feedback.after import click_left
    from bench.feedback.clicked import lists_of
    from bench.feedback.folder import click_samples
    from bench.report.terminal.text import clicked_line

    if cell is not None:
        for flag, given in (("--out", out), ("--also", also)):
            if given:
                raise UsageError(f"{flag}: cannot be combined with --cell, which stores the clicks with the cell")
        click.echo(f"{cell}: {clicked_line(click_left(folder, clicked, cell, feature))}")
        return 0
    if feature is None or out is None:
        flag = "--feature" if feature is None else "--out"
        raise UsageError(f"Missing option '{flag}': needed unless --cell names a stored cell")
    made = click_samples(folder, clicked, feature, out, lists_of(also))
    click.echo(f"{out}: {len(made.positive)} of {made.count} samples of '{made.model}' have '{feature}'")
    return 0
