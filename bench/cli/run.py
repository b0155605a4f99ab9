"""``bench run``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from bench.cli.executing import How, executing, require_torchrun, taken
from bench.cli.lists import Steps, joined
from bench.cli.options import choice, params, seeds, suite, warm_up, workplace, workspace_at
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.experiments.execution.execute import Done
    from bench.experiments.planning.plan import Plan
    from bench.workspace.workspace import Workspace


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
@click.option(
    "--evaluate-at",
    type=Steps(),
    multiple=True,
    callback=joined,
    default=[],
    help="Steps of one run after which it is evaluated, each as a cell: 1,5,10,50.",
)
@click.option(
    "--sequential",
    is_flag=True,
    help="Unlearn the features one after another, each from the generator that the previous one left; after each, "
    "measure all so far.",
)
@executing
@click.option(
    "--together",
    "as_one",
    is_flag=True,
    help="Processes of torchrun train one cell at a time together (default: each takes separate cells).",
)
@click.option("--dry-run", is_flag=True, help="Print what would run, why, and for how long.")
@click.option("--show-config", is_flag=True, help="Print the resolved configuration of each cell.")
@click.option("--json", "as_json", is_flag=True, help="Print each stored record as one line of JSON.")
@workplace
def command(
    as_one: bool,
    dry_run: bool,
    show_config: bool,
    as_json: bool,
    sequential: bool,
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
    if as_one:
        require_torchrun(how)
    if not (dry_run or show_config) and how.in_this_process:
        warm_up()
    workspace = workspace_at(plugins, results, data_dir, device, write=not (dry_run or show_config))
    from bench.core.foreign_code import prints_to_stderr
    from bench.experiments.execution import execute, sequence
    from bench.experiments.execution.assisting import alone, with_the_others
    from bench.experiments.planning import effects, grid
    from bench.experiments.planning.plan import plan
    from bench.report.terminal import text

    request = grid.Request(**asked)
    with prints_to_stderr() as out:  # a plug-in's print must not break the lines of --json
        cells = effects.cells_of_one(request, workspace)
        chains = sequence.chains_of(cells) if sequential else []
        made = plan([chain.cells[0] for chain in chains] or cells, workspace, overwrite, request.suite)
        if sequential:
            sequence.require_links(made)
        if dry_run or show_config:
            click.echo(text.configuration(made) if show_config else text.dry_run(made), file=out)
            if sequential:
                click.echo("later requests start from the generators that these leave, and are planned then", err=True)
            return 0

        run, carried_out = _runner(how, workspace, as_json, out), with_the_others if as_one else alone
        if not sequential:
            return carried_out(lambda: execute.exit_code(run(made)), workspace.progress) or 0
        planned = partial(plan, workspace=workspace, overwrite=overwrite, suite=request.suite)
        chain = partial(sequence.run_sequence, chains, workspace, lambda cells: run(planned(cells)))
        return carried_out(lambda: execute.exit_code(chain()), workspace.progress) or 0


def _runner(how: How, workspace: Workspace, as_json: bool, out: TextIO) -> Callable[[Plan], list[Done]]:
    """Return what runs a plan and prints each cell as it ends."""
    from bench.experiments.execution.execute import execute
    from bench.report.terminal import live, text

    def run(made: Plan) -> list[Done]:
        backend, watch = how.opened(made, workspace), live.for_stderr(workspace.progress, not how.in_this_process)

        def report(done: Done) -> None:
            with watch.aside():
                if done.record is None:
                    workspace.progress.note(f"Error: {done.planned.name}: {done.error}")
                else:
                    click.echo(text.json_line(done.record) if as_json else text.record_lines(done), file=out)

        with watch:
            return execute(made, workspace, report, backend, watch)

    return run
