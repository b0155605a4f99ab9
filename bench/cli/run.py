"""``bench run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.options import choice, open_workspace, params, seeds, suite, workplace
from bench.errors import UsageError


@click.command("run")
@choice("run", "methods", "Unlearning method(s); all in a plan.", None)
@choice("run", "models", "Generator(s); all in a plan.", None)
@choice("run", "features", "Target feature(s); all in a plan.", None)
@seeds("run", "0", "Feedback and unlearning seed(s).")
@params
@suite
@click.option("--dataset", default=None, help="Data set, if not the suite's.")
@click.option(
    "--feedback",
    "feedback_file",
    type=click.Path(path_type=Path),
    default=None,
    help="Feedback file instead of the oracle.",
)
@click.option("--weights", default=None, help="Weights file of the original generator.")
@click.option(
    "--overwrite",
    type=click.Choice(["never", "failed", "always"]),
    default="failed",
    show_default=True,
    help="Which stored cells to run again.",
)
@click.option("--dry-run", is_flag=True, help="Print what would run, why, and for how long.")
@click.option("--show-config", is_flag=True, help="Print the resolved configuration of each cell.")
@click.option("--json", "as_json", is_flag=True, help="Print one stored record per line.")
@workplace
def command(
    dry_run: bool,
    show_config: bool,
    as_json: bool,
    overwrite: Any,
    plugins: Path,
    results: Path,
    data_dir: Path | None,
    device: str,
    **asked: Any,
) -> int:
    """Unlearn, evaluate and store cells.

    --method, --model, --feature and --seed take comma lists, the first three also all; -p takes a grid (alpha=1//3//5).

    A plan (--dry-run, --show-config) is of everything in the suite where nothing is named.
    """
    if dry_run and as_json:
        raise UsageError("--json prints stored records, and a plan has none; --show-config prints JSON, a cell a line")
    workspace = open_workspace(plugins, results, data_dir, device, write=not (dry_run or show_config))
    from bench.experiments import grid
    from bench.experiments.execute import Done, execute, exit_code
    from bench.experiments.plan import plan
    from bench.report import text

    for kind in ("methods", "models", "features"):
        if asked[kind] is None:
            if not (dry_run or show_config):
                raise UsageError(f"Missing option '--{kind[:-1]}': name one or some, or all")
            asked[kind] = ["all"]
    request = grid.Request(**asked)
    made = plan(grid.cells(request, workspace), workspace, overwrite, request.suite)
    if dry_run or show_config:
        click.echo(text.configuration(made) if show_config else text.dry_run(made))
        return 0

    def report(done: Done) -> None:
        if done.record is None:
            workspace.progress.note(f"Error: {done.planned.name}: {done.error}")
        else:
            click.echo(text.json_line(done.record) if as_json else text.record_lines(done))

    return exit_code(execute(made, workspace, report))
