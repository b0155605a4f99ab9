"""A cell that is stopped or killed ends with the same weights when the command is run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_cells import QUICK, folders, records

from bench.core.progress import Lines
from bench.workspace.weights import checkpoint


def test_ctrl_c_leaves_a_cell_that_goes_on_to_the_same_weights(on_bars, tmp_path, interrupt_at, monkeypatch):
    whole = records(on_bars("ours", "--json", "-p", "epochs=12"))[0]
    (tmp_path / "runs").rename(tmp_path / "whole")
    heal = interrupt_at(5)
    stopped = on_bars("ours", "-p", "epochs=12")
    assert stopped.code == 2
    assert stopped.err == "Interrupted (stopped after step 5 of 12). Run the same command again to resume.\n"
    (folder,) = folders(tmp_path)
    assert not (folder / "result.json").exists()
    heal()
    assert on_bars("ours", "-p", "epochs=12", "--dry-run").out.startswith("resume ")
    seen = []
    monkeypatch.setattr(Lines, "start", lambda self, total, done=0, label="": seen.append((label, done)))
    resumed = records(on_bars("ours", "--json", "-p", "epochs=12"))[0]
    assert ("unlearn (ours)", 5) in seen
    assert resumed["artefacts"]["weights"] == whole["artefacts"]["weights"]
    assert resumed["metrics"] == whole["metrics"]
    assert not list((tmp_path / "runs").rglob("checkpoint.pt"))


@pytest.mark.parametrize("step", [1, 12])
def test_ctrl_c_at_the_first_and_at_the_last_step(step, on_bars, tmp_path, interrupt_at):
    whole = records(on_bars("probe", "--json", "-p", "epochs=12", "-p", "probe_steps=20"))[0]
    (tmp_path / "runs").rename(tmp_path / "whole")
    heal = interrupt_at(step)
    assert on_bars("probe", "-p", "epochs=12", "-p", "probe_steps=20").code == 2
    heal()
    resumed = records(on_bars("probe", "--json", "-p", "epochs=12", "-p", "probe_steps=20"))[0]
    assert resumed["artefacts"]["weights"] == whole["artefacts"]["weights"]


def test_ctrl_c_during_the_evaluation_keeps_the_unlearned_weights(on_bars, tmp_path, interrupt_at):
    heal = interrupt_at(130, "evaluate")
    stopped = on_bars("ours", *QUICK)
    assert stopped.code == 2 and "Traceback" not in stopped.err
    (weights,) = (tmp_path / "runs" / ".stages").rglob("unlearned.safetensors")
    before = weights.stat().st_mtime_ns
    heal()
    done = on_bars("ours", "--json", *QUICK)
    assert done.code == 0 and weights.stat().st_mtime_ns == before


def test_the_second_ctrl_c_stops_at_once(plugins, on_bars, tmp_path):
    plugins.add("stubborn")
    done = on_bars("stubborn", plugins=plugins.path)
    assert done.code == 2 and done.err.strip() == "Interrupted. Run the same command again to resume."
    assert not list((tmp_path / "runs").rglob("result.json"))


REPOSITORY = Path(__file__).parents[2]
KILLER = """
import os, pathlib, signal, sys
import bench.cli.options, bench.api.context, small_cut
from bench.experiments.execution import isolated
from here import Here
from bench.experiments.stages.run import run_cell

isolated.run_apart = lambda resolved, since=None: run_cell(resolved, Here(), since)  # all writes in one process
bench.cli.options.warm_up = lambda: None
bench.cli.options._try_import = lambda *plugin: None
argv = sys.argv[1:]
bench.api.context.CHECKPOINT_SECONDS = -1  # a checkpoint after every step
bench.api.context.SAVING_SHARE = 0
plain, moves = pathlib.Path.replace, 0


def run(*more):
    sys.argv = ["bench", *argv, *more]
    try:
        bench.cli.main()
    except SystemExit as end:
        return end.code


def killed(results, kill_at):
    # a process of its own by fork, which imports nothing again
    child = os.fork()
    if child == 0:
        def replace(self, target):
            global moves
            moves += 1
            if moves == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(self, target)

        pathlib.Path.replace = replace
        os._exit(run("--method", "ours", "-p", "epochs=2", "-p", "batch_size=8", "--results", results))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


assert run("--method", "latent_edit", "--results", "warm") == 0  # imports all that is used
assert killed("whole", 0) == 0
for kills in range(1, 30):  # just before each file is put in place
    if (code := killed(f"stopped{kills}", kills)) == 0:
        break
    assert code == -signal.SIGKILL, code
    assert killed(f"stopped{kills}", 0) == 0
print("kills", kills)
"""


def test_sigkill_at_every_write_leaves_nothing_torn_and_the_same_command_ends_alike(bars, tmp_path):
    """A cell writes feedback, checkpoints, timing, weights, columns, picture and result: it is killed at each."""
    done = subprocess.run(
        [
            sys.executable, "-c", KILLER, "run", "--model", "bars", "--dataset", "mnist", "--weights",
            str(bars.weights), "--feature", "thickness", "--plugins", str(bars.folder.path), "--device", "cpu",
            "--json", "--set", "feedback.count=30", "--set", "evaluation.count=40",
            "--set", "evaluation.metrics=target_ratio",
        ],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests" / "support")])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "kills 25"  # twenty-four files, and a run that was not killed
    results = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("[ws][ht]o*/*ours*/result.json"))]
    assert len(results) == 26 and {r["status"] for r in results} == {"ok"}
    assert len({json.dumps([r["metrics"], r["artefacts"]], sort_keys=True) for r in results}) == 1
    assert list(tmp_path.rglob("*.tmp")) == [], "the run that resumed swept what the killed one left"
    for path in tmp_path.glob("*/*ours*/unlearned.safetensors"):
        checkpoint.read(path)
