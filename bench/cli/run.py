"""``bench run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli.executing import executing, taken
from bench.cli.options import choice, params, seeds, suite, warm_up, workplace, workspace_at
from bench.errors import UsageError


@click.command("run")
@choice("run", "method", 'Unlearning method(s); with parameters for one: "ours -p alpha=1".', None)
@choice("run", "model", "Generator(s).", None)
@choice("run", "feature", "Target feature(s).", None)
@seeds("run", "0", "Seed(s) of the feedback and of the unlearning.")
@params
@suite
@click.option("--dataset", metavar="NAME", default=None, help="Data set (default: the suite's).")
@click.option(
    "--feedback",
    "feedback_file",
    type=click.Path(path_type=Path),
    default=None,
    help="Feedback file to use instead of the simulated oracle.",
)
@click.option(
    "--weights", metavar="NAME|FILE", default=None, help="Weights of the original generator: a zoo name or a file."
)
@click.option(
    "--overwrite",
    type=click.Choice(["never", "failed", "always"]),
    default="failed",
    show_default=True,
    help="Which stored cells to run again.",
)
@executing
@click.option("--dry-run", is_flag=True, help="Print what would run, why, and for how long.")
@click.option("--show-config", is_flag=True, help="Print the resolved configuration of each cell.")
@click.option("--json", "as_json", is_flag=True, help="Print each stored record as one line of JSON.")
@workplace
def command(
    dry_run: bool,
    show_config: bool,
    as_json: bool,
    overwrite: Any,
    plugins: tuple[Path, ...],
    results: Path,
    data_dir: Path | None,
    device: str,
    **asked: Any,
) -> int:
    """Run cells: unlearn, evaluate, store.

    --method, --model, --feature and --seed take comma lists, the first three also all; -p takes a grid (alpha=1//3//5).

    With --dry-run or --show-config, leaving out one of the first three means all.
    """
    if dry_run and as_json:
        raise UsageError(
            "--json prints stored records, and --dry-run has none; --show-config prints JSON, one cell per line"
        )
    for singular in ("method", "model", "feature"):
        if asked[f"{singular}s"] is None:
            if not (dry_run or show_config):
                raise UsageError(f"Missing option '--{singular}': pass one or more names, or all")
            asked[f"{singular}s"] = ["all"]
    how = taken(asked)
    if not (dry_run or show_config) and how.in_this_process:
        warm_up()
    workspace = workspace_at(plugins, results, data_dir, device, write=not (dry_run or show_config))
    from bench.core.foreign_code import prints_to_stderr
    from bench.experiments import grid
    from bench.experiments.execute import Done, execute, exit_code
    from bench.experiments.plan import plan
    from bench.report import live, text

    request = grid.Request(**asked)
    with prints_to_stderr() as out:  # a plug-in's print must not break the lines of --json
        made = plan(grid.cells(request, workspace), workspace, overwrite, request.suite)
        if dry_run or show_config:
            click.echo(text.configuration(made) if show_config else text.dry_run(made), file=out)
            return 0

        backend, watch = how.opened(made, workspace), live.for_stderr(workspace.progress, not how.in_this_process)

        def report(done: Done) -> None:
            with watch.aside():
                if done.record is None:
                    workspace.progress.note(f"Error: {done.planned.name}: {done.error}")
                else:
                    click.echo(text.json_line(done.record) if as_json else text.record_lines(done), file=out)

        with watch:
            return exit_code(execute(made, workspace, report, backend, watch))
