"""Table ``budget``: shares of the pre-training."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.report.tables import budgets
from bench.report.tables.definitions import TABLES, Options


def test_passes_add_up_over_the_trainings_that_one_resumed_from():
    start = {"config": {"epochs": 2.0}, "start": {"config": {"epochs": 5}}}
    assert budgets.passes_of({"config": {"epochs": 0.45}, "start": start}) == 7.45
    assert budgets.passes_of({"config": {"epochs": 50}}) == 50
    for unsaid in ({}, {"config": {}}, {"config": {"epochs": 1.0}, "start": {}}):
        assert budgets.passes_of(unsaid) is None


def epochs_of(workspace, **asked):
    found = budgets.budgets(Options(**asked), workspace)
    return {(each.model, each.label): each.params["epochs"] for each in found}


def test_every_share_is_one_of_the_shipped_weights_own_training(workspace):
    found = epochs_of(workspace, models=("vae", "proggan"))
    assert len(found) == 2 * len(budgets.SHARES)
    wanted = {"2 %": 1.0, "5 %": 2.5, "10 %": 5.0, "18 %": 9.0, "40 %": 20.0, "100 %": 50.0}
    assert {share: found["vae", f"retrain, {share}"] for share in wanted} == wanted
    assert found["proggan", "retrain, 100 %"] == 7.45
    assert found["proggan", "retrain, 18 %"] == 1.3, "that of table 2 is near enough, and is not trained again"


def test_weights_that_are_not_there_yet_are_trained_as_the_suite_says(workspace):
    assert epochs_of(workspace, suite="paper", models=("proggan",))["proggan", "retrain, 40 %"] == 16.7


def test_weights_that_do_not_say_how_long_they_were_trained_are_told(workspace, monkeypatch):
    monkeypatch.setattr(budgets, "passes_of", lambda made: None)
    with pytest.raises(UsageError, match="vae-mnist do not say how many passes .*'retrain -p epochs=1//5//20"):
        epochs_of(workspace, models=("vae",))


def test_retraining_has_as_many_seeds_as_different_runs(workspace):
    table = TABLES["budget"]
    assert len(table.seeds(Options(), "mnist")) == workspace.registry.get("methods", "retrain").trainings
    assert list(table.seeds(Options(seeds=(4,)), "mnist")) == [4]
