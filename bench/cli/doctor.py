"""``bench doctor``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_workspace, workplace


@click.command("doctor")
@click.option("--verify", is_flag=True, help="Also read every shipped file and stored result, and verify its sha256.")
@workplace
def command(verify: bool, plugins: Path, results: Path, data_dir: Path | None, device: str) -> int:
    """Report on the machine, packages, data sets, weights and results; exit code 1 if something is wrong."""
    workspace = open_workspace(plugins, results, data_dir, device, write=False)
    from bench.workspace.doctor import examine

    lines, healthy = examine(workspace, verify)
    click.echo("\n".join(lines))
    return 0 if healthy else 1
