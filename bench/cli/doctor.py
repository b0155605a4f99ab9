"""``bench doctor``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_workshop, workplace


@click.command("doctor")
@click.option("--verify", is_flag=True, help="Also read every shipped file and stored result and check its sha256.")
@workplace
def command(verify: bool, plugins: Path, results: Path, data_dir: Path | None, device: str) -> int:
    """Say what is here: machine, packages, data sets, weights, results; exit code 1 if something is wrong."""
    shop = open_workshop(plugins, results, data_dir, device, write=False)
    from bench.doctor import examine

    lines, healthy = examine(shop, verify)
    click.echo("\n".join(lines))
    return 0 if healthy else 1
