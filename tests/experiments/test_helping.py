"""A process that waits for a cell evaluates part of it, and no number shows that."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from here import Here

from bench.core.blocks import Blocks
from bench.evaluation import passes
from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid
from bench.experiments.stages.helping import Helper
from bench.experiments.stages.run import run_cell
from bench.workspace.store.store import Store


@pytest.fixture
def resolved(bars, workspace, tmp_path, monkeypatch):
    """Return a cell of four blocks, in a store of its own."""
    monkeypatch.setattr(passes, "BLOCK", 64)

    def call(name):
        request = grid.Request(
            methods=["ours"], models=["bars"], features=["thickness"], dataset="mnist", weights=str(bars.weights),
            params=["epochs=3"], overrides=("feedback.count=60", "evaluation.count=200"),
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        return resolve(cell, replace(workspace, store=Store(tmp_path / name)))

    return call


@pytest.fixture
def drawn(monkeypatch):
    """Record which blocks are drawn, and do something the first time."""
    plain, starts, first = passes.drawn, [], []

    def drawing(pair, start, stop):
        if stop - start == 64 and pair.unlearned is not pair.original and pair.stream == "evaluation":
            starts.append(start)
            while first:
                first.pop()()
        return plain(pair, start, stop)

    monkeypatch.setattr(passes, "drawn", drawing)
    return starts, first


def columns(store):
    (file,) = store.root.glob(".stages/columns-*/columns.npz")
    with np.load(file) as arrays:
        return {name: arrays[name] for name in arrays}


def test_columns_are_bit_equal_whoever_made_the_blocks(resolved, drawn):
    """While the cell draws its first block, a helper makes all of them, from the last one on."""
    starts, first = drawn
    alone = resolved("alone")
    record = run_cell(alone, Here())
    assert starts == [0, 64, 128, 192]
    starts.clear()
    together = resolved("together")
    first.append(Helper(together, Here()))
    shared = run_cell(together, Here())
    assert starts == [0, 192, 128, 64, 0]
    assert shared.metrics == record.metrics
    one, two = columns(alone.workspace.store), columns(together.workspace.store)
    assert one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def test_a_helper_does_nothing_before_the_evaluation_and_leaves_nothing_after_it(resolved, drawn):
    starts, _ = drawn
    cell = resolved("runs")
    helper = Helper(cell, Here())
    helper()
    assert not cell.workspace.store.root.exists()
    run_cell(cell, Here())
    (folder,) = cell.workspace.store.root.glob(".stages/columns-*")
    assert not (folder / "blocks").exists()
    (folder / "blocks").mkdir()  # as if the cell had ended while the helper made its last block
    starts.clear()
    helper()
    assert starts == [] and not (folder / "blocks").exists()


def test_a_helper_that_fails_says_so_once_and_costs_the_cell_nothing(resolved, drawn, monkeypatch):
    starts, first = drawn
    cell, told = resolved("runs"), []

    class Broken(Here):
        def student(self, resolved, weights):
            raise RuntimeError("no memory")

    monkeypatch.setattr(type(cell.workspace.progress), "note", lambda self, text: told.append(text))
    helper = Helper(cell, Broken())
    first.append(lambda: (helper(), helper()))
    assert run_cell(cell, Here()).status == "ok"
    assert [each.partition(": ")[2] for each in told] == ["cannot help to evaluate it (RuntimeError: no memory)"]


def test_who_meets_a_block_that_is_being_made_waits_for_it(tmp_path):
    maker, other, found = Blocks(tmp_path), Blocks(tmp_path), []
    with maker.claimed(64) as mine, other.claimed(64) as also_mine:
        assert mine and not also_mine
        waiting = threading.Thread(target=lambda: found.append(other.load(64)))
        waiting.start()
        assert other.load(0) is None, "nobody makes this one"
        maker.save(64, {"x": np.arange(3)})
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join()
    assert found[0]["x"].tolist() == [0, 1, 2]
    with maker.claimed(64) as mine:
        assert not mine, "it is made"
    maker.forget()
    with maker.claimed(64) as mine:
        assert not mine, "nobody needs it"
