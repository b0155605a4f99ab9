"""One run, evaluated after several of its steps."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file
from small_cells import folders, records

from bench.experiments.cells import stopping
from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid

SMALL = ("--set", "feedback.count=60", "--set", "evaluation.count=70")
QUICK = ("-p", "epochs=6", "-p", "batch_size=8")


@pytest.fixture
def run(bench_cli, bars, tmp_path):
    cell = ("--model", "bars", "--feature", "thickness", "--dataset", "mnist", "--weights", bars.weights)
    return lambda *more, results="runs": bench_cli(
        "run", *cell, *SMALL, "--results", tmp_path / results, "--plugins", bars.folder.path, *more
    )


def weights(folder):
    return load_file(folder / "unlearned.safetensors")


def test_cells_of_one_run_are_what_that_run_is_after_these_steps(run, tmp_path):
    done = run("--method", "ours", *QUICK, "--evaluate-at", "2,4,6", "--json")
    assert done.code == 0, done.err
    assert [record["step"] for record in records(done)] == [2, 4, 6]
    assert [folder.name.split("-s0-")[1].split("-")[0] for folder in folders(tmp_path)] == ["at2", "at4", "at6"]
    assert run("--method", "ours", *QUICK, results="whole").code == 0
    whole, alone = (tmp_path / name for name in ("whole", "alone"))
    assert run("--method", "ours", *QUICK, "--evaluate-at", "4", results="alone").code == 0
    ((of_whole,), (of_alone,)) = ([p for p in place.iterdir() if p.name != ".stages"] for place in (whole, alone))
    two, four, six = (weights(folder) for folder in folders(tmp_path))
    assert all(torch.equal(six[name], tensor) for name, tensor in weights(of_whole).items()), "the last step is the end"
    assert all(torch.equal(four[name], tensor) for name, tensor in weights(of_alone).items()), "however it got there"
    assert any(not torch.equal(two[name], four[name]) for name in two)


def test_a_later_step_begins_where_an_earlier_one_ended(run, tmp_path):
    assert run("--method", "ours", *QUICK, "--evaluate-at", "4").code == 0
    done = run("--method", "ours", *QUICK, "--evaluate-at", "5", "--json")
    (logged,) = folders(tmp_path)[1].glob("losses.csv")
    assert len(logged.read_text().splitlines()) == 6 and records(done)[0]["step"] == 5
    kept = [path.name for path in (tmp_path / "runs" / ".stages").glob("steps-*/*")]
    assert sorted(kept) == ["4-checkpoint.pt", "5-checkpoint.pt"]
    (shared,) = (tmp_path / "runs" / ".stages").glob("steps-*")
    begun, none = tmp_path / "begun" / "checkpoint.pt", tmp_path / "none" / "checkpoint.pt"
    for path in (begun, none):
        path.parent.mkdir()
    stopping.begin(shared, begun, 4)
    assert begun.read_bytes() == (shared / "4-checkpoint.pt").read_bytes()
    stopping.begin(shared, none, 3)
    assert not none.exists(), "nothing was kept before step 3"


def test_the_key_names_the_step_and_others_stay(bars, workspace):
    def key(*steps, **changed):
        request = grid.Request(
            methods=["ours"], models=["bars"], features=["thickness"], dataset="mnist", weights=str(bars.weights),
            evaluate_at=steps, **changed,
        )  # fmt: skip
        return [resolve(cell, workspace).keys.unlearn for cell in grid.cells(request, workspace)]

    found = key(1, 5)
    assert len({*found, *key()}) == 3
    assert key(5) == found[1:] and key(5, params=["alpha=4"]) != found[1:]


def test_cells_of_a_step_are_not_stale(run, bench_cli, bars, tmp_path):
    assert run("--method", "ours", *QUICK, "--evaluate-at", "2").code == 0
    listed = bench_cli("clean", "--results", tmp_path / "runs", "--plugins", bars.folder.path)
    assert "stale" not in listed.out and listed.out.count("orphaned") == 1 and "/steps-" in listed.out
    shown = bench_cli("status", "--results", tmp_path / "runs", "--json")
    assert json.loads(shown.out)["step"] == 2


def test_what_cannot_be_evaluated_there(run):
    refused = run("--method", "ours", *QUICK, "--evaluate-at", "7")
    assert refused.code == 4
    assert (
        "--evaluate-at 7: ours takes 6 steps here. Name steps up to 6, or let it take more: -p epochs=7" in refused.err
    )
    assert "is not a list of steps. Write 1,5,10" in run("--method", "ours", "--evaluate-at", "0").err
    skipped = json.loads(run("--method", "fold", "--evaluate-at", "1", "--json").out)
    assert (skipped["status"], skipped["reason"]) == ("skipped", "has no steps to be evaluated at")
    planned = run("--method", "fold", "--evaluate-at", "3,5", "--dry-run").out.splitlines()
    assert planned[-1] == "2 cells, 0 stored, 0 to run, 2 skipped", "what is skipped is not run"


LOOPS = """
student = deepcopy(generator).requires_grad_(False)
weight = next(student.parameters())
for step in context.steps(6, {"student": student}, name="first"):
    weight += 1
for step in context.steps(4, {"student": student}, name="second"MAIN):
    weight *= 2
for step in context.steps(6, {"student": student}, name="third"):
    weight += 10
return Unlearned(student)
"""
COUNTED = "def step_count(self):\n    return 4"


def test_of_several_loops_the_main_one_is_counted(plugins, bars, run, tmp_path):
    plugins.method("marked", LOOPS.replace("MAIN", ", main=True"), COUNTED)
    plugins.method("unmarked", LOOPS.replace("MAIN", ""), COUNTED)
    (plugins.path / "bars.py").unlink()  # which the other folder has too
    here = ("--plugins", plugins.path)
    assert run("--method", "marked", "--evaluate-at", "1,3,4", *here).code == 0
    name, before = next(iter(bars.original.generator.named_parameters()))
    for times, folder in zip((2, 8, 16), folders(tmp_path), strict=True):
        assert torch.allclose(weights(folder)[f"generator.{name}"], (before + 6) * times + 60)
    beyond = run("--method", "marked", "--evaluate-at", "5", *here)
    assert "marked takes 4 steps here. Name steps up to 4\n" in beyond.err
    refused = run("--method", "unmarked", "--evaluate-at", "1", *here)
    assert refused.code != 0 and "no loop of Plain.unlearn is its main one. Mark the loop" in refused.err


def test_a_table_of_steps(bench_cli, tmp_path):
    small = ("--set", "feedback.count=60", "--set", "evaluation.count=70")
    command = ("table", "steps", "--model", "vae", "--feature", "slant", "--seed", "0", *small)
    planned = bench_cli(*command, "--dry-run", "--results", tmp_path / "r")
    assert planned.code == 0 and planned.out.count("run     ours-vae-slant-s0-at") == 6
    assert "uno_s-vae-slant-s0-at500" in planned.out
    made = bench_cli(
        *command, "--only", "ours, 1 step,ours, 5 steps", "--results", tmp_path / "r", "--out", tmp_path / "t.csv",
        "--formats", "csv",
    )  # fmt: skip
    assert made.code == 0, made.err
    text = (tmp_path / "t.csv").read_text()
    assert all(f'"ours, {steps}",ours,,{metric}' in text for steps in ("1 step", "5 steps") for metric in ("target_ratio", "retain_change", "seconds"))  # fmt: skip  # noqa: E501
    without = bench_cli(*command, "--method", "fold", "--dry-run", "--results", tmp_path / "r")
    assert without.code == 4 and "--method fold: takes no steps that can be counted" in without.err
