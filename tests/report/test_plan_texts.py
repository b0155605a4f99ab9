"""What a plan says beside its cells: what tells them apart, where times come from, what the suite sets."""

from __future__ import annotations

import json

from made_records import made_record

from bench.report import labels

STRANGER = """
from bench.api import Method, Params, hookimpl
from bench.toolkit.student import StudentParams


class Config({base}):
    mix: float = 0.5


class Mine(Method[Config]):
    Config = Config

    def unlearn(self, generator, feedback, context):
        raise NotImplementedError


@hookimpl
def register_methods(register):
    register(Mine)
"""


def test_a_stranger_s_method_gets_what_the_suite_sets_for_the_student(plugins, bench_cli, tmp_path):
    """250 steps of 16 for ``ours`` and 200 of 64 for a stranger's method was no comparison."""
    plugins.write("mine", STRANGER.format(base="StudentParams"))
    plugins.write("other", STRANGER.format(base="Params"))
    asked = (
        "run",
        "--model",
        "proggan",
        "--feature",
        "beard",
        "--plugins",
        plugins.path,
        "--results",
        tmp_path / "runs",
    )
    shown = bench_cli(*asked, "--method", "ours,mine,other", "--show-config").out
    ours, mine, other = map(json.loads, shown.splitlines())
    same = ("epochs", "batch_size", "lr", "alpha", "schedule")
    assert [mine["params"][name] for name in same] == [ours["params"][name] for name in same]
    assert mine["params"]["mix"] == 0.5 and other["params"] == {"mix": 0.5}
    assert (
        mine["from_suite"] == {"epochs": 250, "batch_size": 16, "lr": 2e-3, "schedule": "cosine"}
        and other["from_suite"] == {}
    )
    planned = bench_cli(*asked, "--method", "ours,mine,other", "-p", "lr=1e-4", "--dry-run").out.splitlines()
    assert "suite 'lite' sets epochs=250 batch_size=16 schedule=cosine for ours, mine on proggan" in planned, (
        "lr was asked for"
    )
    assert "suite 'lite' sets nothing for other on proggan" in planned


def test_show_says_what_suites_set_for_a_method(plugins, bench_cli, tmp_path):
    plugins.write("mine", STRANGER.format(base="StudentParams"))
    plugins.write("other", STRANGER.format(base="Params"))

    def shown(name, *more):
        done = bench_cli("show", name, "--plugins", plugins.path, *more)
        assert done.code == 0, done.err
        return done.out.splitlines()

    student = "epochs=250 batch_size=16 lr=0.002 schedule=cosine (shared)".split()
    gentle = "epochs=350 batch_size=16 lr=0.0007 schedule=cosine (shared)".split()
    assert ["lite", "proggan", *student] in [line.split() for line in shown("mine")]
    assert ["lite", "vdvae", *gentle] in [line.split() for line in shown("mine")]
    assert ["lite", "proggan", *student] in [line.split() for line in shown("probe")]
    assert ["lite", "vdvae", *gentle, "layers=1,4,8"] in [line.split() for line in shown("probe")]
    assert shown("other")[-1] == "set by suites: nothing; the defaults hold for every model"
    (tmp_path / "own.toml").write_text('[models.vae]\ndataset = "mnist"\n[models.vae.methods.other]\nmix = 0.25\n')
    own = shown("other", "--suite", tmp_path / "own.toml")
    assert [line.split() for line in own[-1:]] == [["own", "vae", "mix=0.25"]]
    assert not any("set by suites" in line for line in shown("mnist")), "a data set has no such settings"


def test_what_times_are_estimated_from_is_said_once(bench_cli, tmp_path):
    def planned(*asked):
        return bench_cli("run", "--model", "vae", "--results", tmp_path / "runs", "--dry-run", *asked).out.splitlines()

    lines = planned("--method", "ours,probe,original", "--feature", "slant", "--seed", "0-4")
    assert sum("AMD EPYC" in line for line in lines) == 1 and len(lines) == 15 + 1 + 2 + 1
    assert lines[16:18] == [
        "suite 'lite' sets nothing for ours, original on vae",
        "suite 'lite' sets lr=0.002 for probe on vae",
    ]
    assert all(len(line) < 110 for line in lines if line.startswith("run "))
    mixed = planned("--method", "ours", "--feature", "slant", "-p", "epochs=200//20")
    assert mixed[0].endswith("about 11 s [a])") and mixed[1].endswith(" s [b])")
    assert mixed[2].startswith("time [a]: measured on") and mixed[3].startswith("time [b]: ")


def test_cells_that_differ_in_their_settings_alone_are_told_apart(bench_cli, tmp_path):
    asked = ("--model", "vae", "--feature", "slant", "--seed", "0", "--results", tmp_path / "runs", "--dry-run")
    cells = [line for line in bench_cli("table", "clicks", *asked).out.splitlines() if line.startswith("run ")]
    for count in (250, 500, 1000, 2000, 4000):
        assert sum(f" feedback.count={count} " in line for line in cells) == 2, "ours and probe"
    alpha = [line for line in bench_cli("table", "5", *asked).out.splitlines() if line.startswith("run ")]
    assert [line.split()[2] for line in alpha] == [f"alpha={a}.0" for a in range(1, 6)], "3 is the default"


def test_records_are_told_apart_by_what_differs():
    settings = [{"dataset": "mnist", "evaluation": {"count": count}} for count in (100, 200)]
    records = [
        made_record(params={"lr": 0.1, "keep": []}, settings=settings[0]),
        made_record(params={"lr": 0.1, "keep": []}, settings=settings[1]),
        made_record(params={"lr": 0.1, "keep": ["Male"]}, settings=settings[0]),
        made_record(params={"lr": 0.2}, method="probe", settings=settings[1]),
        made_record(params={"lr": 0.1, "keep": []}, settings=settings[0], suite="mine", seed=1),
    ]
    assert labels.of_records(records) == [
        "keep= evaluation.count=100",
        "keep= evaluation.count=200",
        "keep=Male",
        "",
        "keep=",
    ]
