"""Several processes that share one cell: its numbers are those of one process, to the last bit."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.faults

COUNT = ("--set", "evaluation.count=12000", "-p", "epochs=3")
FAIR = 32  # chunks that a process draws which takes part


@pytest.fixture
def drawn(commands, plugins):
    """Let the model write down which process draws each chunk; returns what reads that."""
    log = commands.folder / "drawn"
    write = f"import os\n        open({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n')\n        "
    plugins.add("bars", ("        width, lean, place =", f"        {write}width, lean, place ="))

    def call():
        found = Counter(log.read_text().split())
        log.unlink()
        return sum(1 for count in found.values() if count >= FAIR)

    return call


def columns(folder: Path) -> dict[str, np.ndarray]:
    (file,) = folder.glob(".stages/columns-*/columns.npz")
    with np.load(file) as arrays:
        return {name: arrays[name] for name in arrays}


def require_equal(first: Path, second: Path) -> None:
    one, two = columns(first), columns(second)
    assert one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def test_two_workers_evaluate_one_cell(commands, drawn):
    """The second one has nothing else to do: of two cells, the other one was stored before."""
    commands.done(commands.run("ours", *COUNT, "--results", "alone"))
    assert drawn() == 2, "the judge draws the original's samples, another process the student's"
    commands.done(commands.run("latent_edit", *COUNT[:2], "--results", "shared"))
    drawn()
    done = commands.done(commands.run("ours,original", *COUNT, "--results", "shared", "--jobs", 2))
    assert "cannot help" not in done.err
    assert commands.nothing_runs()
