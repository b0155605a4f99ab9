"""The rule that chooses a recipe for each method, on numbers whose answer is known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from select_methods import main, recipes
from select_reading import METRICS, cells_of

from bench.registry import Registry
from bench.workspace.settings.settings import method_params
from bench.workspace.settings.suites import load_suite

CHOSEN = pd.read_csv(Path(__file__).resolve().parents[2] / "results/reference/selection-methods-mnist.csv")


def table(trials):
    """Return rows as a CSV holds them: by variant, target ratio and damage of each feature; the original has 0.1."""
    return pd.DataFrame(
        {"variant": variant, "model": "vae", "feature": feature, "metric": metric, "mean": mean, "n": 5000, "seeds": 1}
        for variant, places in trials.items()
        for feature, (ratio, damage) in zip(("slant", "thickness"), places, strict=False)
        for metric, mean in zip(METRICS, (ratio, 0.1, damage), strict=True)
    )


TRIALS = {
    "original": [(0.1, 0.0), (0.1, 0.0)],
    "uno, lr=0.1, weight=1.0": [(0.001, 0.03), (0.001, 0.03)],
    "uno, lr=0.2, weight=1.0": [(0.004, 0.01), (0.004, 0.01)],
    "uno, lr=0.3, weight=1.0": [(0.001, 0.001)],
    "fold, strength=0.5": [(0.06, 0.001), (0.06, 0.001)],
    "fold, strength=1.0": [(0.02, 0.005), (0.02, 0.005)],
    "redaction, share=0.5": [(0.0001, 0.001), (0.05, 0.001)],
    "redaction, share=0.8": [(0.003, 0.02), (0.003, 0.02)],
}


def test_each_method_gets_its_own_recipe_and_says_of_how_many_trials():
    found = recipes(cells_of(table(TRIALS))).set_index("method")
    chosen = {"uno": "lr=0.2, weight=1.0", "fold": "strength=1.0", "redaction": "share=0.8"}
    assert dict(found["params"]) == chosen, "the original has none; half of one feature is not removed"
    assert dict(found["removes"]) == {"uno": True, "fold": False, "redaction": True}, "else the worst keeps least"
    assert dict(found["trials"]) == {"uno": 3, "fold": 2, "redaction": 2} and set(found["cells"]) == {2}


def test_the_rows_are_written(tmp_path):
    table(TRIALS).to_csv(tmp_path / "table.csv")
    done = CliRunner().invoke(main, [str(tmp_path / "table.csv"), "--out", str(tmp_path / "choice.csv")])
    assert done.exit_code == 0, done.output
    assert list(pd.read_csv(tmp_path / "choice.csv")["method"]) == ["uno", "fold", "redaction"]


@pytest.mark.parametrize("chosen", list(CHOSEN.itertuples()), ids=lambda row: f"{row.model}-{row.method}")
def test_the_suite_runs_what_was_chosen(chosen):
    """The paper's method keeps the paper's step, whatever is chosen."""
    settings = load_suite("lite").models[chosen.model]
    config = Registry().get("methods", chosen.method).Config
    given = settings.methods.get(chosen.method, {})
    found = method_params(config, given, {}, chosen.method)
    asked = dict(each.split("=") for each in chosen.params.split(", ")) if chosen.method != "ours" else {"lr": 1e-3}
    assert found == method_params(config, {**given, **asked}, {}, chosen.method)
