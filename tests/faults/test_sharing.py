"""Several processes that share one cell: its numbers are those of one process, to the last bit."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.faults

COUNT = 4096  # four blocks
BLOCK = 16  # chunks
# The model writes down which process draws a chunk of the evaluation; the first two that do wait for each other.
RENDER = """
        import os, time
        from pathlib import Path
        log, until = Path({log!r}), time.monotonic() + 100
        if [*log.parent.glob("*/.stages/columns-*/blocks")]:
            with log.open("a") as file:
                file.write(f"{{os.getpid()}}\\n")
            while "TOGETHER" in os.environ and len(set(log.read_text().split())) < 2 and time.monotonic() < until:
                time.sleep(0.05)
        width, lean, place ="""


@pytest.fixture
def drawn(commands, plugins):
    """Return what says how many processes have drawn at least a block since it was last asked."""
    log = commands.folder / "drawn"
    plugins.add("bars", ("        width, lean, place =", RENDER.format(log=str(log)).lstrip("\n")))

    def call():
        found = Counter(log.read_text().split())
        log.unlink()
        return sum(count >= BLOCK for count in found.values())

    return call


@pytest.fixture
def alone(commands, drawn, monkeypatch):
    """Evaluate a cell in one command; return its record."""
    commands.done(commands.run("latent_edit", "--results", "alone", count=COUNT))
    assert drawn() == 2, "the judge draws the original's samples, another process the student's"
    monkeypatch.setenv("TOGETHER", "yes")
    (record,) = commands.records("alone").values()
    return record


def require_equal_columns(alone: Path, shared: Path) -> None:
    (folder,) = alone.glob(".stages/columns-*")
    with np.load(folder / "columns.npz") as one, np.load(shared / ".stages" / folder.name / "columns.npz") as two:
        assert set(one) == set(two) and all(np.array_equal(one[name], two[name]) for name in one)


def test_a_worker_that_is_free_helps_to_evaluate_the_cell_of_another(commands, alone, drawn, plugins):
    plugins.method("fails", "raise ValueError('at once')")
    done = commands.done(commands.run("latent_edit,fails", "--results", "shared", "--jobs", 2, count=COUNT), 1)
    assert "cannot help" not in done.err
    assert drawn() == 4, "two of the cell, two of its helper"
    found = {record["method"]: record for record in commands.records("shared").values()}
    assert found["latent_edit"]["metrics"] == alone["metrics"]
    require_equal_columns(commands.folder / "alone", commands.folder / "shared")
    assert not list((commands.folder / "shared").rglob("blocks")) and commands.nothing_runs()


def test_processes_of_torchrun_share_a_cell(commands, alone, drawn):
    """Each tells the results of all cells; --local-ranks-filter shows those of the first one."""
    done = commands.done(
        commands.run("latent_edit", "--results", "shared", "--json", count=COUNT, before=commands.torchrun)
    )
    (line,) = done.out.splitlines()
    assert json.loads(line)["metrics"] == alone["metrics"]
    assert drawn() == 4
    require_equal_columns(commands.folder / "alone", commands.folder / "shared")
    assert not list((commands.folder / "shared").rglob("blocks")) and commands.nothing_runs()
