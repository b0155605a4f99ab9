"""Cells on a real Slurm cluster of one node, which the test starts."""

from __future__ import annotations

import importlib.util
import subprocess

import one_node
import pytest
from waiting import wait_for

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(bool(one_node.lacks()), reason=one_node.lacks()),
    pytest.mark.skipif(importlib.util.find_spec("submitit") is None, reason="submitit is not installed"),
]
SLOW = (
    "for step in context.steps(200, {}):\n    import time\n    time.sleep(0.05)\nreturn Unlearned(deepcopy(generator))"
)

LOGGED = "    import os, time\n    open({log!r}, 'a').write(f'{{os.getpid()}} {{step}}\\n')"


@pytest.fixture
def cluster(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("slurm")
    environment = one_node.start(folder)
    monkeypatch.setenv("SLURM_CONF", environment["SLURM_CONF"])
    yield
    subprocess.run(["scancel", "--user", "root"], check=False)
    one_node.stop(folder)


def test_an_array_of_cells_each_of_which_ends_otherwise(cluster, commands, plugins):
    """The step that is killed is started again; those that pass a limit are stopped; all have their record."""
    plugins.method("slow", SLOW)
    plugins.method("hangs", "import time\nwhile True:\n    time.sleep(1)")
    plugins.method("hoards", "kept = []\nwhile True:\n    kept.append(bytearray(b'x' * 20_000_000))")
    limits = ("--time-limit", "60s", "--memory-limit", "2GB")
    process = commands.run("slow,hangs,hoards,original", "--backend", "slurm", *limits, "--json")
    wait_for(lambda: list(commands.folder.glob("results/runs/.stages/unlearn-*/checkpoint.pt")), 200)
    assert {each.rpartition("_")[2] for each in queued()} <= {"0", "1", "2", "3"}
    subprocess.run(["scancel", "--signal=KILL", f"{queued()[0].partition('_')[0]}_0"], check=True)
    done = commands.done(process, 1)
    found = {record["method"]: record for record in commands.records().values()}
    assert {name: record["status"] for name, record in found.items()} == {
        "slow": "ok",
        "hangs": "timeout",
        "hoards": "killed",
        "original": "ok",
    }
    assert "It is started again" in done.err
    assert "took longer than --time-limit" in found["hangs"]["reason"]
    assert "--memory-limit 2 GB" in found["hoards"]["reason"]
    assert not queued()


def test_a_task_that_slurm_queues_again_resumes(cluster, commands, plugins):
    """As after a preemption, or when a node is lost: the task is the same one, and the command only waits."""
    log = commands.folder / "steps"
    plugins.method("slow", SLOW.replace("    import time", LOGGED.format(log=str(log))))
    process = commands.run("slow", "--backend", "slurm", "--json")
    wait_for(lambda: list(commands.folder.glob("results/runs/.stages/unlearn-*/checkpoint.pt")), 200)
    (task,) = queued()
    subprocess.run(["scontrol", "requeue", task], check=True)
    done = commands.done(process)
    first, *_, last = steps = [line.split() for line in log.read_text().splitlines()]
    assert {process for process, _ in steps} == {first[0], last[0]} and first[0] != last[0], "two processes"
    resumed = next(int(step) for process, step in steps if process == last[0])
    assert resumed > 0 and int(last[1]) == 199, "the second one went on from a checkpoint"
    assert "It is started again" not in done.err and not queued()
    assert [record["status"] for record in commands.records().values()] == ["ok"]


def queued() -> list[str]:
    """Return the tasks that wait or run."""
    return subprocess.run(["squeue", "-h", "-r", "-o", "%i"], capture_output=True, text=True, check=True).stdout.split()
