"""``bench table``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.options import Names, Seeds, open_workshop, workplace


@click.command("table")
@click.argument("name")
@click.option("--suite", default="lite", show_default=True, help="lite, or a TOML file.")
@click.option(
    "--model",
    "models",
    envvar="BENCH_TABLE_MODEL",
    type=Names("models"),
    default="all",
    show_default=True,
    help="Model(s).",
)
@click.option(
    "--feature",
    "features",
    envvar="BENCH_TABLE_FEATURE",
    type=Names("features"),
    default="all",
    show_default=True,
    help="Feature(s).",
)
@click.option(
    "--seed",
    "seeds",
    envvar="BENCH_TABLE_SEED",
    type=Seeds(),
    default="0-4",
    show_default=True,
    help="Seeds to average over.",
)
@click.option("--method", "methods", type=Names("methods"), default="", help="Further method(s), beside the table's.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a suite setting.")
@click.option("--formats", default="csv,latex,html", show_default=True, help="Of csv, latex, html.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results/tables"),
    show_default=True,
    help="Folder to write to.",
)
@click.option("--no-run", is_flag=True, help="Take stored cells only; run nothing.")
@workplace
def command(
    name: str,
    formats: str,
    out: Path,
    no_run: bool,
    plugins: Path,
    results: Path,
    data_dir: Path | None,
    device: str,
    **asked: Any,
) -> int:
    """Make table NAME (1 to 5, readings, tradeoff, damage, clicks or cost), running the cells that are missing."""
    shop = open_workshop(plugins, results, data_dir, device, write=not no_run)
    from bench.table_definitions import Options
    from bench.tables import make_table

    paths, text, code = make_table(
        name, Options(**asked), shop, run_missing=not no_run, formats=formats.split(","), out=out
    )
    click.echo(text)
    click.echo("\n".join(str(path) for path in paths))
    return code
