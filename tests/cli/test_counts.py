"""One cell is "1 cell"."""

from __future__ import annotations

import pytest
from made_records import KEY, made_record

from bench.core.durations import number_of
from bench.experiments.planning.expected import Expected
from bench.experiments.planning.plan import Plan, Planned
from bench.workspace.store.store import Store


@pytest.fixture
def one(tmp_path):
    store = Store(tmp_path / "runs")
    store.write(store.folder("ours-vae-slant-s0", KEY), made_record())
    return store.root


def test_a_number_of_things():
    assert [number_of(count, "cell") for count in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]


def test_commands_that_count_one_cell(one, bench_cli, tmp_path):
    assert bench_cli("export", "--results", one, "--out", tmp_path / "out").out.startswith(
        f"{tmp_path / 'out'}: 1 cell, "
    )
    page = tmp_path / "report.html"
    assert bench_cli("report", "--results", one, "--out", page).out == f"{page}: 1 cell\n"
    assert "<h1>1 result</h1>" in page.read_text() and "<title>Feature unlearning: 1 result</title>" in page.read_text()
    stage = one / ".stages" / f"original-{'3' * 16}"
    stage.mkdir(parents=True)
    (line, last) = bench_cli("cache", "ls", "--results", one).out.splitlines()
    assert "  1 cell   2" in line and last.endswith("  in 1 folder")


@pytest.mark.parametrize(
    ("actions", "text"),
    [
        (["cached"], "1 cell, 1 stored, 0 to run"),
        (["run"], "1 cell, 0 stored, 1 to run; about 0 s"),
        (["skip", "skip"], "2 cells, 0 stored, 0 to run, 2 skipped"),
        (["cached", "run", "measure", "skip"], "4 cells, 1 stored, 1 to run, 1 stored without a metric, 1 skipped; about 0 s"),
    ],
)  # fmt: skip
def test_a_plan_counts_what_is_run(actions, text):
    planned = tuple(Planned(None, action, "", Expected(0.0, "")) for action in actions)
    assert Plan((), (), planned, "never").summary() == text
