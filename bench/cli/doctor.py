"""``bench doctor``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import workplace, workspace_at


@click.command("doctor")
@click.option("--verify", is_flag=True, help="Also read all data sets and stored files, and compare their sha256.")
@workplace
def command(verify: bool, plugins: tuple[Path, ...], results: Path, data_dir: Path | None, device: str) -> int:
    """Check the installation, the data and the results.

    The exit code is 1 if something is wrong.
    """
    workspace = workspace_at(plugins, results, data_dir, device, write=False)
    from bench.workspace.doctor import examine

    lines, healthy = examine(workspace, verify)
    click.echo("\n".join(lines))
    return 0 if healthy else 1
