"""Commands that are killed, stopped, or run twice at once: nothing is lost, nothing is made twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_records import made_record
from waiting import wait_for

from bench.workspace.store.store import Store

pytestmark = pytest.mark.faults

METHODS = "original,latent_edit,plain,ours"
SLOW = "for step in context.steps(100000, {}):\n    import time\n    time.sleep(0.01)\nreturn Unlearned(deepcopy(generator))"
STEPS = 700
DRIFTS = f"""
import time
student = deepcopy(generator)
for step in context.steps({STEPS}, {{{{"student": student}}}}):
    rng = context.rng(step)
    for parameter in student.parameters():
        parameter.data.add_(1e-3 * torch.randn(parameter.shape, generator=rng))
    open({{log!r}}, "a").write(f"{{{{step}}}}\\n")
    time.sleep(0.01)
return Unlearned(student)
"""
FAULTS = int(os.environ.get("BENCH_FAULTS", "100"))  # how many writers are killed; 1 / 25 as many commands
WRITERS = """
import os, random, signal, sys, time
from pathlib import Path
from bench.workspace.store.record import Record
from bench.workspace.store.store import Store

root, kills, log = Path(sys.argv[1]), int(sys.argv[2]), os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
record, store, rng = Record.model_validate_json(sys.stdin.read()), Store(root), random.Random(0)


def write(writer):
    for i in range(100000):
        key = f"{writer:06x}{i:06x}".ljust(64, "0")
        store.write(store.folder("ours-vae-slant-s0", key), record.model_copy(update={"key": key, "seed": i}))
        os.write(log, f"{key}\\n".encode())  # acknowledged: it is on the disk


for first in range(0, kills, 4):
    writers = []
    for writer in range(first, first + 4):
        pid = os.fork()
        if pid == 0:
            write(writer)
        writers.append(pid)
    time.sleep(rng.uniform(0.02, 0.12))
    for pid in writers:
        os.kill(pid, signal.SIGKILL)
    for pid in writers:
        os.waitpid(pid, 0)
"""


def outcome(record: dict) -> str:
    """Return what must be the same, whatever was killed on the way."""
    return json.dumps([record[name] for name in ("key", "status", "metrics", "artefacts", "params")], sort_keys=True)


def results(commands, folder: str) -> dict[str, str]:
    return {name: outcome(record) for name, record in commands.records(folder).items()}


def test_writers_that_are_killed_tear_nothing_and_lose_nothing_that_was_acknowledged(tmp_path):
    """Four at once, all of them killed at a random moment; 100 SIGKILLs, or as many as BENCH_FAULTS says."""
    argv = [sys.executable, "-c", WRITERS, str(tmp_path / "runs"), str(FAULTS), str(tmp_path / "log")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(argv, input=made_record("0" * 64).model_dump_json(), text=True, check=True, env=environment)
    acknowledged = (tmp_path / "log").read_text().split()
    records, torn = Store(tmp_path / "runs").survey()
    assert torn == []
    assert set(acknowledged) <= {record.key for _, record in records} and len(acknowledged) > FAULTS


def test_a_command_that_is_killed_at_random_ends_with_the_same_results(commands, plugins):
    """Killed four times while cells run, or as often as BENCH_FAULTS / 25 says; only what was in flight runs again."""
    plugins.add("plain")
    plugins.method("drifts", DRIFTS.format(log=str(commands.folder / "steps")))
    argv, killed = (f"{METHODS},drifts", "--seed", "0-1", "--jobs", 2, "--results"), commands.folder / "killed"
    commands.done(commands.run(*argv, "whole"))
    whole, rng, kills = results(commands, "whole"), random.Random(1), 0
    while kills < FAULTS // 25:
        stored = times(killed)
        process = commands.run(*argv, "killed")
        wait_for(lambda: process.poll() is not None or list(killed.glob("*/.lock")), 200)  # noqa: B023
        try:
            process.communicate(timeout=rng.uniform(0.0, 8.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
        assert commands.nothing_runs(), commands.running()
        assert stored.items() <= times(killed).items(), "what was stored did not run again"
        assert len(Store(killed).unfinished()) <= 2, "no more cells run again than were in flight"
        if process.returncode == 0:  # the next kills are in a sweep that begins again
            assert results(commands, "killed") == whole
            shutil.rmtree(killed)
    commands.done(commands.run(*argv, "killed"))
    assert results(commands, "killed") == whole
    assert not list(commands.folder.rglob("*.tmp")) and not (commands.folder / "killed" / ".sweeps").exists()


def times(folder: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/result.json")}


def test_a_training_that_is_killed_resumes_to_the_same_weights(commands, plugins):
    log = commands.folder / "steps"
    plugins.method("drifts", DRIFTS.format(log=str(log)))
    commands.done(commands.run("drifts", "--results", "whole"))
    log.unlink()
    process = commands.run("drifts")
    wait_for(lambda: list(commands.folder.glob("results/runs/.stages/unlearn-*/checkpoint.pt")))
    process.kill()
    process.communicate()
    assert commands.nothing_runs()
    reached = int(log.read_text().split()[-1])
    commands.done(commands.run("drifts"))
    steps = [int(each) for each in log.read_text().split()]
    again = steps[reached + 1 :]
    assert 0 < again[0] <= reached < again[-1] == STEPS - 1, "it went on from the checkpoint"
    ((_, first),), ((_, second),) = commands.records("whole").items(), commands.records().items()
    assert first["artefacts"]["weights"] == second["artefacts"]["weights"]


def test_two_commands_on_one_folder_make_everything_once(commands, plugins):
    plugins.add("plain")
    log = commands.folder / "unlearned"
    plugins.method(
        "counted", f"open({str(log)!r}, 'a').write(context.stream + '\\n')\nreturn Unlearned(deepcopy(generator))"
    )
    argv = (f"{METHODS},counted", "--seed", "0-1", "--jobs", 2)
    both = [commands.run(*argv, "--json") for _ in range(2)]
    told = [commands.done(each) for each in both]
    first, second = (
        {json.loads(line)["key"]: outcome(json.loads(line)) for line in each.out.splitlines()} for each in told
    )
    assert first == second and len(first) == 10
    assert sorted(log.read_text().split()) == ["unlearn/0", "unlearn/1"], "each unlearning ran once"
    assert commands.nothing_runs()


@pytest.mark.parametrize("backend", [(), ("--jobs", 2)], ids=["serial", "local"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_who_is_asked_to_stop_has_stopped_within_5_s_and_resumes(name, backend, commands, plugins):
    plugins.method("slow", SLOW)
    process = commands.run("slow", "--seed", "0-3", *backend)
    count = 2 if backend else 1
    wait_for(lambda: len(list(commands.folder.glob("results/runs/.stages/unlearn-*/checkpoint.pt"))) == count)
    status = commands.done(commands.start("status", "--json")).out.splitlines()
    found = sorted(json.loads(line)["status"] for line in status)
    assert found == ["running"] * count + ["waiting"] * (4 - count)
    began = time.monotonic()
    process.send_signal(getattr(signal, name))
    done = commands.done(process, 2)
    took = time.monotonic() - began
    assert "Run the same command again to resume" in done.err
    assert commands.nothing_runs(1.0), commands.running()
    status = commands.done(commands.start("status", "--json")).out.splitlines()
    assert [json.loads(line)["status"] for line in status] == ["stopped"] * 4
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    assert took < 5.0 * max(load, 1.0), f"took {took:.1f} s"


@pytest.mark.skipif(sys.platform != "linux", reason="kills by /proc")
def test_a_worker_that_is_killed_costs_no_cell(commands, plugins):
    plugins.method("slow", SLOW.replace("100000", "800"))
    process = commands.run("slow", "--seed", "0-1", "--jobs", 2, "--json")
    wait_for(lambda: len(list(commands.folder.glob("results/runs/.stages/unlearn-*/.holder"))) == 2)
    workers = [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if b"bench.experiments.execution.worker" in _read(folder / "cmdline")
        and commands.mark.encode() in _read(folder / "environ")
    ]
    os.kill(workers[0], signal.SIGKILL)
    done = commands.done(process)
    assert done.err.count("It is started again") == 1 and len(done.out.splitlines()) == 2
    assert {record["status"] for record in commands.records().values()} == {"ok"}


@pytest.mark.skipif(sys.platform != "linux", reason="kills by /proc")
def test_three_workers_of_dask_that_are_killed_cost_three_reruns(commands, plugins):
    pytest.importorskip("distributed", reason="distributed is not installed (pip install '.[dask]')")
    log = commands.folder / "begun"
    plugins.method("slow", f"import os\nopen({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n')\n" + SLOW.replace("100000", "300"))  # fmt: skip
    process = commands.run("slow", "--seed", "0-15", "--backend", "dask", "--jobs", 2, "--json")
    for kill in range(3):
        wait_for(lambda: len(_begun(log)) > 4 * kill + 1)  # noqa: B023
        os.kill(_worker_of(int(_begun(log)[-1])), signal.SIGKILL)
    done = commands.done(process)
    assert len(done.out.splitlines()) == 16
    assert {record["status"] for record in commands.records().values()} == {"ok"} and len(commands.records()) == 16
    assert len(_begun(log)) == 16 + 3
    assert commands.nothing_runs(), commands.running()


def _begun(log: Path) -> list[str]:
    return _read(log).decode().split("\n")[:-1]


def _worker_of(pid: int) -> int:
    """Return Dask's worker process, the parent of the worker process from which another one stems."""
    while b"bench.experiments.execution.worker" not in _read(Path(f"/proc/{pid}/cmdline")):
        pid = _parent(pid)
    return _parent(pid)


def _parent(pid: int) -> int:
    return int(_read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()[1])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
