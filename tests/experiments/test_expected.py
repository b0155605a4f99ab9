"""Expected times: from stored cells and shipped ones, by parameters and counts."""

from __future__ import annotations

import pytest
import torch
from made_records import made_record

from bench.core.durations import duration
from bench.experiments.planning import expected, grid
from bench.experiments.planning.expected import expected_cell
from bench.registry import Registry
from bench.workspace.settings.suites import load_suite
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace


@pytest.fixture
def here(tmp_path):
    return Workspace(Registry(), Store(tmp_path), torch.device("cpu"))


def cell_of(here, method="ours", **asked):
    (cell,) = grid.cells(grid.Request([method], ["vae"], ["slant"], **asked), here)
    return cell


def took(feedback=1.0, unlearn=10.0, evaluate=4.0, *, params=None, count=10_000, clicks=500, **changed):
    """Return a stored cell of ``ours`` on the VAE: its times, and at which parameters and counts."""
    settings = {"dataset": "mnist", "feedback": {"count": clicks}, "evaluation": {"count": count}}
    seconds = {"feedback": feedback, "unlearn": unlearn, "evaluate": evaluate}
    return made_record(
        params={"epochs": 200, "steps_per_epoch": 1, "batch_size": 64, **(params or {})},
        timings={stage: {"seconds": each, "peak_memory_mb": 1.0} for stage, each in seconds.items()},
        settings=settings,
        extractors={"digits": "0"},
        **changed,
    )


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ({}, 15.0),
        ({"params": ["epochs=20"]}, 1 + 1 + 4),
        ({"params": ["epochs=100", "steps_per_epoch=2", "batch_size=32"]}, 1 + 5 + 4),
        ({"params": ["alpha=1"]}, 15.0),
        ({"overrides": ["evaluation.count=1000"]}, 1 + 10 + 0.4),
        ({"overrides": ["feedback.count=1000"]}, 2 + 10 + 4),
        ({"params": ["epochs=400"], "overrides": ["evaluation.count=20000", "feedback.count=250"]}, 0.5 + 20 + 8),
    ],
)
def test_a_stored_cell_s_time_is_scaled_to_parameters_and_counts(here, asked, seconds):
    """The newcomer's: after one cell of 60 epochs and 1,000 samples, the default was promised in 3 s."""
    found = expected_cell(cell_of(here, **asked), here, [took()])
    assert found.seconds == pytest.approx(seconds)
    assert ("scaled to these" in found.basis) == (seconds != 15.0)


def test_the_stored_cells_most_like_it_count(here):
    past = [took(evaluate=each) for each in (1.0, 4.0, 90.0)] + [took(unlearn=500.0, params={"epochs": 199})]
    assert expected_cell(cell_of(here), here, past).seconds == pytest.approx(1 + 10 + 4), "the median of three"
    assert expected_cell(cell_of(here), here, past, trained=True).seconds == pytest.approx(1 + 4)
    near = expected_cell(cell_of(here, params=["epochs=198"]), here, past).seconds
    assert near == pytest.approx(1 + 500 * 198 / 199 + 4), "199 epochs are nearer than 200"


@pytest.mark.parametrize("changed", [{"method": "probe"}, {"model": "dcgan"}, {"dataset": "celeba"}, {"suite": "mine"}])
def test_cells_of_another_kind_say_nothing_and_the_suite_s_name_does_not_matter(here, changed):
    found = expected_cell(cell_of(here), here, [took(unlearn=1000.0, **changed)])
    assert (found.seconds > 1000) == ("suite" in changed)


def test_where_nothing_is_stored_the_shipped_times_count(here, tmp_path):
    times = expected.shipped_times()["lite"]["vae"]
    plain = expected_cell(cell_of(here), here, [])
    assert plain.seconds == times["ours"] and plain.basis.endswith("no stored cell yet")
    short = expected_cell(cell_of(here, params=["epochs=20"]), here, [])
    assert short.seconds == pytest.approx(times["original"] + (times["ours"] - times["original"]) / 10)
    assert "scaled to these" in short.basis
    few = expected_cell(cell_of(here, overrides=["evaluation.count=1000"]), here, [])
    assert few.seconds == pytest.approx(times["original"] / 10 + times["ours"] - times["original"])
    (tmp_path / "mine.toml").write_text('extends = "lite"')
    assert expected_cell(cell_of(here, suite=str(tmp_path / "mine.toml")), here, []) == plain
    retrained = expected_cell(cell_of(here, "retrain", params=["epochs=5", "batch_size=8"]), here, [])
    assert retrained.seconds == pytest.approx(times["original"] + (times["retrain"] - times["original"]) / 10)
    assert expected_cell(cell_of(here, overrides=["evaluation.extractors=inception"]), here, []).seconds is None


def test_every_shipped_time_is_of_a_model_of_its_suite():
    for suite, times in expected.shipped_times().items():
        assert set(times) - {"basis"} <= set(load_suite(suite).models)
        assert all("original" in each for model, each in times.items() if model != "basis")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2.0 h"), (172_800, "2.0 days")]
)
def test_a_time_is_written_in_its_unit(seconds, text):
    assert duration(seconds) == text
