"""Sixteen cells, most of them poisoned: each has its status and its reason, the others are as they are alone."""

from __future__ import annotations

import importlib.util

import pytest

pytestmark = pytest.mark.faults

BACK = "\nreturn Unlearned(deepcopy(generator))"
POISON = {  # body, status, words of the reason
    "sigkill": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "killed", "SIGKILL"),
    "exits": ("import os\nos._exit(3)", "failed", "exit code 3"),
    "segfault": ("import ctypes\nctypes.string_at(0)", "killed", "SIGSEGV"),
    "hangs": (
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass",
        "timeout",
        "took longer than --time-limit 20 s",
    ),
    "hoards": ("kept = []\nwhile True:\n    kept.append(bytearray(b'x' * 20_000_000))", "killed", "--memory-limit 2 GB"),
    "forks": ("import os, time\nif os.fork() == 0:\n    time.sleep(300)\nos._exit(5)", "failed", "exit code 5"),
    "spoils": ("with torch.no_grad():\n    next(generator.parameters()).add_(1.0)" + BACK, "failed", "changed the original"),
    "prints": ("print('x' * 1_000_000, flush=True)" + BACK, "ok", ""),
    "leaves": ("import os\nos.chdir('/')" + BACK, "ok", ""),
    "seeds": ("torch.manual_seed(0)\nimport random\nrandom.seed(0)" + BACK, "ok", ""),
}  # fmt: skip
GOOD = ("original", "latent_edit", "plain")
BACKENDS = {
    "serial": (),
    "local": ("--jobs", 2),
    "dask": ("--backend", "dask", "--jobs", 2),
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_poisoned_cells_cost_themselves_alone(backend, commands, plugins):
    if backend == "dask" and importlib.util.find_spec("distributed") is None:
        pytest.skip("distributed is not installed (pip install '.[dask]')")
    plugins.add("plain")
    for name, (body, _, _) in POISON.items():
        plugins.method(name, body)
    commands.done(commands.run(",".join(GOOD), "--seed", "0-1", "--results", "clean"))
    limits = ("--time-limit", "20s", "--memory-limit", "2GB")
    argv = (*BACKENDS[backend], *limits, "--json")
    done = commands.done(commands.run(",".join([*POISON, *GOOD]), "--seed", 0, *argv), 1)
    assert commands.nothing_runs(), commands.running()
    found = {record["method"]: record for record in commands.records().values()}
    assert {name: found[name]["status"] for name in POISON} == {name: status for name, (_, status, _) in POISON.items()}
    for name, (_, _, words) in POISON.items():
        assert words in (found[name]["reason"] or ""), (name, found[name]["reason"])
    clean = {record["method"]: record for record in commands.records("clean").values() if record["seed"] == 0}
    for name in GOOD:
        assert found[name]["metrics"] == clean[name]["metrics"]
        assert found[name]["artefacts"]["weights"] == clean[name]["artefacts"]["weights"]
    assert found["plain"]["provenance"]["limits"] == {"seconds": 20.0, "memory_gb": 2.0}
    assert found["plain"]["key"] == clean["plain"]["key"], "limits do not count in a key"
    assert len(done.out.splitlines()) == len(POISON) + len(GOOD), "what cells print is not among the records"
