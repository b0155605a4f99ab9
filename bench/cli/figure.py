"""``bench figure``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.options import Names, open_workshop, workplace


@click.command("figure")
@click.argument("number")
@click.option("--suite", default="lite", show_default=True, help="A suite's name, or a TOML file.")
@click.option(
    "--model",
    "models",
    envvar="BENCH_FIGURE_MODEL",
    type=Names("models"),
    default="all",
    show_default=True,
    help="Model(s), a file each.",
)
@click.option(
    "--feature",
    "features",
    envvar="BENCH_FIGURE_FEATURE",
    type=Names("features"),
    default="all",
    show_default=True,
    help="Feature(s).",
)
@click.option(
    "--method",
    "methods",
    envvar="BENCH_FIGURE_METHOD",
    type=Names("methods"),
    default="",
    help="Method(s) instead of the figure's own (ours; Figure 6: original, ours, retrain).",
)
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE[,VALUE...]", help="As in `bench run`.")
@click.option("--seed", type=int, default=0, show_default=True, help="Feedback and unlearning seed.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a suite setting.")
@click.option("--formats", default="png,pdf", show_default=True, help="Of png, pdf.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results/figures"),
    show_default=True,
    help="Folder to write to.",
)
@click.option("--no-run", is_flag=True, help="Take stored cells only; run nothing.")
@workplace
def command(
    number: str,
    formats: str,
    out: Path,
    no_run: bool,
    plugins: Path,
    results: Path,
    data_dir: Path | None,
    device: str,
    **asked: Any,
) -> int:
    """Draw figure NUMBER (1, 4, 5 or 6 of the paper) for each model, running the cells that are missing."""
    shop = open_workshop(plugins, results, data_dir, device, write=not no_run)
    from bench.figures.making import Options, make_figure

    paths, captions, code = make_figure(
        number, Options(**asked), shop, run_missing=not no_run, formats=formats.split(","), out=out
    )
    click.echo(captions)
    click.echo("\n".join(str(path) for path in paths))
    return code
