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


@pytest.fixture
def cluster(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("slurm")
    environment = one_node.start(folder)
    monkeypatch.setenv("SLURM_CONF", environment["SLURM_CONF"])
    yield
    subprocess.run(["scancel", "--user", "root"], check=False)
    one_node.stop(folder)


def test_an_array_of_cells_one_of_which_is_killed_and_one_hangs(cluster, commands, plugins):
    """The killed step is started again; the one that hangs is stopped by its limit; both have their record."""
    plugins.method("slow", SLOW)
    plugins.method("hangs", "import time\nwhile True:\n    time.sleep(1)")
    process = commands.run("slow,hangs,original", "--backend", "slurm", "--time-limit", "60s", "--json")
    wait_for(lambda: list(commands.folder.glob("results/runs/.stages/unlearn-*/checkpoint.pt")), 200)
    array = subprocess.run(
        ["squeue", "-h", "-r", "-o", "%i"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {each.rpartition("_")[2] for each in array} <= {"0", "1", "2"}
    subprocess.run(["scancel", "--signal=KILL", f"{array[0].partition('_')[0]}_0"], check=True)
    done = commands.done(process, 1)
    found = {record["method"]: record for record in commands.records().values()}
    assert {name: record["status"] for name, record in found.items()} == {
        "slow": "ok",
        "hangs": "timeout",
        "original": "ok",
    }
    assert "It is started again" in done.err and "took longer than --time-limit" in found["hangs"]["reason"]
    assert not subprocess.run(["squeue", "-h"], capture_output=True, text=True, check=True).stdout.split()
