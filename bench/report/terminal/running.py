"""Run the cells that a table or a figure lacks, and report how each ended."""

from __future__ import annotations

from bench.experiments.execution.backends.base import Opened
from bench.experiments.execution.backends.serial import Serial
from bench.experiments.execution.execute import Done, execute
from bench.experiments.planning.plan import Plan
from bench.report.terminal import live, text
from bench.workspace.workspace import Workspace


def run_missing(plan: Plan, workspace: Workspace, opened: Opened | None) -> list[Done]:
    """Run a plan.

    Parameters
    ----------
    plan : Plan
    workspace : Workspace
    opened : callable or None
        Returns who runs the cells; by default this process does, one after another.
    """
    tell = text.counted(plan, workspace.progress)
    backend = Serial() if opened is None or not plan.waiting else opened(plan, workspace)
    watch = live.for_stderr(workspace.progress, not isinstance(backend, Serial))

    def report(done: Done) -> None:
        with watch.aside():
            tell(done)

    with watch:
        return execute(plan, workspace, report, backend, watch)
