"""Plans and their execution: resolving writes nothing, a cell that lacks something stops no other."""

from __future__ import annotations

import json

import pytest

from bench.errors import DataError, UsageError
from bench.experiments.cells.needs import is_to_be_trained
from bench.experiments.cells.resolve import resolve
from bench.experiments.execution.execute import execute, exit_code, stored
from bench.experiments.planning import grid
from bench.experiments.planning.plan import plan


@pytest.fixture
def asked(bars, workspace):
    """Return the cells of a request on ``bars``, small and quick."""

    def call(*methods, **changed):
        request = grid.Request(
            **{
                "methods": methods, "models": ["bars"], "features": ["slant"], "dataset": "mnist",
                "weights": str(bars.weights), "settings": {"feedback": {"count": 60}, "evaluation": {"count": 70}},
                **changed,
            }
        )  # fmt: skip
        return grid.cells(request, workspace)

    return call


def ended(done):
    return {each.planned.cell.method: each.record.status if each.record else str(each.error) for each in done}


def test_resolving_and_planning_write_nothing(asked, workspace, tmp_path):
    (cell,) = asked("ours", values={"epochs": 2})
    resolved = resolve(cell, workspace)
    made = plan([cell], workspace, "failed")
    assert [(item.action, item.why) for item in made.cells] == [("run", "no stored result")]
    assert made.cells[0].resolved.keys == resolved.keys and made.trainings == () and made.missing == []
    assert list(tmp_path.iterdir()) == []


def test_keys_of_a_plan_are_those_of_its_cells_resolved_one_by_one(asked, workspace):
    """A plan loads and hashes once what its cells share; ``retrain`` waits, since MNIST is not here."""
    cells = asked("ours", "probe", "original", "retrain", seeds=[0, 1, 5])
    cells += asked("ours", features=["slant", "thickness"], params=["alpha=1//5"], seeds=[0, 1])
    cells += asked("ours", "original", settings={"feedback": {"count": 50}, "evaluation": {"count": 70}}, seeds=[0, 1])
    made = plan(cells, workspace, "failed")
    planned = [item.resolved for item in made.cells if item.resolved is not None]
    assert len(planned) == len(cells) - 3
    for found in planned:
        alone = resolve(found.cell, workspace)
        for name in ("keys", "metric_keys", "observer_keys", "declined", "images", "sources", "folder", "method"):
            assert getattr(found, name) == getattr(alone, name), (found.cell.readable, name)
    assert len({found.keys.evaluate for found in planned}) == len(planned)


def test_a_cell_that_lacks_something_stops_no_other(asked, workspace):
    """``retrain`` reads MNIST, which is not here."""
    reported = []
    made = plan(asked("original", "retrain", "latent_edit"), workspace, "failed")
    assert [item.action for item in made.cells] == ["run", "waits", "run"]
    done = execute(made, workspace, reported.append)
    assert reported == done and exit_code(done) == 1
    found = ended(done)
    assert found["original"] == found["latent_edit"] == "ok" and "MNIST" in found["retrain"]
    assert [each.failed for each in done] == [False, False, False], "data that are not here are not a failure"
    again = plan(asked("original", "retrain", "latent_edit"), workspace, "failed")
    assert [item.action for item in again.cells] == ["cached", "waits", "cached"]
    assert [each.record is not None for each in stored(again, workspace)] == [True, False, True]


def test_where_no_cell_can_run_the_first_lack_is_the_error(asked, workspace):
    made = plan(asked("retrain"), workspace, "failed")
    with pytest.raises(DataError, match="MNIST"):
        execute(made, workspace, lambda done: pytest.fail("reported"))
    nothing = execute(plan([], workspace, "failed"), workspace, lambda done: None)
    assert exit_code(nothing) == 5


def test_a_stored_cell_needs_nothing_that_only_running_reads(asked, workspace, monkeypatch):
    """A cell of ``retrain`` counts where its images have gone."""
    from bench.experiments.cells.needs import Looked

    made = plan(asked("original"), workspace, "failed")
    execute(made, workspace, lambda done: None)
    monkeypatch.setattr(Looked, "to_run", lambda self, cell: [DataError("the images are gone")])
    assert [item.action for item in plan(asked("original"), workspace, "failed").cells] == ["cached"]
    assert [item.action for item in plan(asked("latent_edit"), workspace, "failed").cells] == ["waits"]


def test_training_a_missing_generator_is_a_step_of_the_plan(asked, workspace, monkeypatch):
    from bench.experiments.execution import isolated

    cells = asked("original", weights=None)
    assert all(is_to_be_trained(cell) for cell in cells)
    monkeypatch.setattr("bench.experiments.cells.needs.Looked.to_run", lambda self, cell: [])
    made = plan(cells, workspace, "failed")
    assert [(t.what.name, t.weights) for t in made.trainings] == [("bars", cells[0].weights)]
    assert [(item.action, item.why, item.name) for item in made.cells] == [
        ("run", "after the training of 'bars'", "original-bars-slant-s0")
    ]
    trained = []

    def pretrain(workspace, recipe):
        trained.append(recipe.name)
        raise UsageError("no images")

    monkeypatch.setattr(isolated, "pretrain_apart", pretrain)
    with pytest.raises(UsageError, match="no images"):
        execute(made, workspace, lambda done: None)
    assert trained == ["bars"]


def test_results_that_cannot_be_read_block_no_command(on_bars, bars, bench_cli, tmp_path):
    runs = tmp_path / "runs"
    for name, content in (
        ("newer-12345678", '{"key": "1", "format": 99}'),
        ("cut-87654321", "{"),
        ("other-abcdef01", "[1]"),
    ):
        (runs / name).mkdir(parents=True)
        (runs / name / "result.json").write_text(content)
    done = on_bars("original", "--json")
    assert done.code == 0 and json.loads(done.out)["status"] == "ok"
    dry = on_bars("original", "--dry-run")
    assert dry.code == 0 and dry.out.startswith("cached ")
    status = bench_cli("status", "--results", runs)
    assert status.code == 0 and status.out.count("unreadable ") == 3 and "has format 99" in status.out
    doctor = bench_cli("doctor", "--results", runs, "--plugins", bars.folder.path)
    assert f"PROBLEM: {runs / 'cut-87654321' / 'result.json'}: cannot be read" in doctor.out + doctor.err


def test_a_record_does_not_depend_on_the_other_cells_of_the_command(asked, workspace, monkeypatch):
    """``retrain`` reads the images, ``original`` does not, whatever was resolved before."""
    monkeypatch.setattr("bench.evaluation.images.images_now", lambda workspace, dataset: "its images")
    found = {cell.method: resolve(cell, workspace).images for cell in asked("retrain", "original")}
    assert found == {"retrain": "its images", "original": None}
