"""Cells in this process, as most tests run them: quick, and what a test patches is seen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.core.processes.parent import warm
from bench.experiments import PRELOADED


@pytest.fixture(scope="session", autouse=True)
def warmed() -> None:
    """Prepare the process that all others are forked from once: a child that imports torch itself takes seconds."""
    seen = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(seen))
        warm((*PRELOADED, "small_cut"))


@pytest.fixture(scope="session", autouse=True)
def in_this_process() -> Iterator[pytest.MonkeyPatch]:
    """Run cells in the process of the tests; a module whose tests want real processes undoes it (``apart``)."""
    from here import Here

    from bench.experiments.cells.assignment import Assignment
    from bench.experiments.execution import isolated, pretrain
    from bench.experiments.stages.run import run_cell

    def run(resolved, since=None):
        told = Assignment.model_validate_json(Assignment.of(resolved, since).model_dump_json())
        return run_cell(told.resolved(resolved.workspace), Here(), told.since)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolated, "run_apart", run)
        patch.setattr(isolated, "pretrain_apart", lambda workspace, recipe: pretrain.pretrain(workspace, recipe))
        patch.setattr("bench.cli.options.warm_up", lambda: None)
        patch.setattr("bench.cli.options._try_import", lambda *plugin: None)
        yield patch


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run cells in processes of their own, as the command line does."""
    monkeypatch.setattr("bench.experiments.execution.isolated.run_apart", RUN_APART)
    monkeypatch.setattr("bench.cli.options._try_import", TRY_IMPORT)


from bench.experiments.execution.isolated import run_apart as RUN_APART  # noqa: E402, N812  (before anything is patched)
from bench.workspace.trial import try_import as TRY_IMPORT  # noqa: E402, N812
