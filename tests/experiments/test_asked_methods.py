"""Methods with parameters of their own on the command line, and cells of suites of other names."""

from __future__ import annotations

import json

import pytest
from small_cells import QUICK, folders

from bench.errors import UsageError
from bench.workspace.settings.asked_methods import AskedMethod, read_method, split_methods


@pytest.mark.parametrize(
    ("text", "methods"),
    [
        ("ours", ["ours"]),
        ("ours, probe,", ["ours", "probe"]),
        ("mine -p mix=0.5", ["mine -p mix=0.5"]),
        ("ours,mine -p keep=Male,Young -p mix=1", ["ours", "mine -p keep=Male,Young -p mix=1"]),
        ("mine --param mix=0.5//1", ["mine --param mix=0.5//1"]),
        ("mine-p", ["mine-p"]),
        ("", []),
    ],
)
def test_a_list_of_methods_is_split_before_the_first_parameter(text, methods):
    assert split_methods(text) == methods


def test_a_method_is_read_with_its_parameters():
    assert read_method("mine") == AskedMethod("mine")
    assert read_method("mine -p a=1,2 --param 'b=x y'") == AskedMethod("mine", ("a=1,2", "b=x y"))


@pytest.mark.parametrize("text", ["mine -p", "mine -q a=1", "mine a=1", "-p a=1", "mine -p 'a=1", "mine a=1 -p"])
def test_anything_else_is_refused_with_what_to_type(text):
    with pytest.raises(UsageError, match='expected a name, or one with parameters: "NAME -p FIELD=VALUE"'):
        read_method(text)


def test_parameters_for_one_method_leave_the_others_alone(on_bars):
    shown = on_bars("ours,probe", "--method", "ours -p alpha=1//3 -p keep=", "-p", "epochs=7", "--show-config").out
    params = [json.loads(line)["params"] for line in shown.splitlines()]
    assert [each.get("alpha") for each in params] == [3.0, 3.0, 1.0], "ours, probe, ours with 1; 3 is ours again"
    assert {each["epochs"] for each in params} == {7}
    own = json.loads(on_bars("ours -p epochs=2", "-p", "epochs=7", "--show-config").out)
    assert own["params"]["epochs"] == 2, "its own win"
    wrong = on_bars("ours -p alpa=1", "--dry-run")
    assert wrong.code == 4 and "unknown field 'alpa'. Did you mean 'alpha'?" in wrong.err


@pytest.mark.parametrize(
    ("option", "names"),
    [("--method", ["ours", "probe"]), ("--model", ["bars", "vae"]), ("--seed", ["0", "3"]), ("--feature", ["a", "b"])],
)
def test_an_option_given_twice_counts_twice(option, names):
    """The first was dropped without a word."""
    from bench.cli.run import command

    given = [word for name in names for word in (option, name)]
    found = command.make_context("run", given).params[f"{option[2:]}s"]
    assert list(map(str, found)) == names


def test_a_list_in_an_environment_variable_is_one_list(monkeypatch):
    from bench.cli.run import command

    monkeypatch.setenv("BENCH_RUN_METHOD", "ours,mine -p mix=0.5")
    monkeypatch.setenv("BENCH_RUN_SEED", "0,2-3")
    found = command.make_context("run", []).params
    assert (found["methods"], found["seeds"]) == (["ours", "mine -p mix=0.5"], [0, 2, 3])


def test_cells_of_a_grid_are_told_apart_even_at_the_default(on_bars):
    """The defaults of ``ours``: alpha=3, epochs=200."""
    dry = on_bars("ours", "-p", "alpha=1//3", "--dry-run").out.splitlines()
    assert ["alpha=1.0" in dry[0], "alpha=3.0" in dry[1]] == [True, True] and len({dry[0], dry[1]}) == 2
    ran = on_bars("ours", "-p", "alpha=3", *QUICK).out
    assert ran.startswith("ours (epochs=4 batch_size=8 alpha=3.0) bars thickness seed 0:")


def test_a_stored_cell_counts_for_a_suite_of_any_name(on_bars, bench_cli, tmp_path):
    first = json.loads(on_bars("original", "--json").out)
    (stored,) = folders(tmp_path)
    for name in ("mine", "yours"):
        (tmp_path / f"{name}.toml").write_text('extends = "lite"\n')
        found = json.loads(on_bars("original", "--json", "--suite", tmp_path / f"{name}.toml").out)
        assert found == first and folders(tmp_path) == [stored]
    stored.rename(stored.with_name(f"lite-{stored.name}"))  # as an earlier version called it
    assert on_bars("original", "--dry-run").out.startswith(f"cached  {f'lite-{stored.name}'}")
