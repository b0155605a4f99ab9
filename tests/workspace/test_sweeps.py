"""What commands tell of the cells that they are to run."""

from __future__ import annotations

import pytest

from bench.workspace.store.leftovers import not_begun
from bench.workspace.store.store import Store
from bench.workspace.store.sweeps import CELLS, SWEEPS, known, told


@pytest.fixture
def killed(tmp_path):
    """Return a store in which a command was killed before it began its two cells."""
    folder = tmp_path / SWEEPS / "abcdef-1-1"
    folder.mkdir(parents=True)
    (folder / CELLS).write_text("one\ntwo", "utf-8")
    return Store(tmp_path)


def test_cells_that_were_not_begun_are_counted(killed):
    assert [each.why for each in not_begun(killed)] == ["names 2 cells that were not begun"]


def test_a_killed_command_is_forgotten_when_another_has_begun_its_cells(killed):
    with told(killed, ["one", "two"]) as sweep:
        assert sweep.runs and len(known(killed)) == 2
        for name in sweep.cells:
            (killed.root / name).mkdir()
    assert not (killed.root / SWEEPS).exists()


def test_cells_that_nobody_has_begun_stay_told(killed):
    with pytest.raises(KeyboardInterrupt), told(killed, ["one", "two"]):
        (killed.root / "one").mkdir()
        raise KeyboardInterrupt
    assert [sweep.left for sweep in known(killed)] == [["two"], ["two"]]
    assert {each.why for each in not_begun(killed)} == {"names 1 cell that was not begun"}
    assert not any(sweep.runs for sweep in known(killed))
