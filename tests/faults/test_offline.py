"""Without a network the suite lite works: every process of a command is refused a socket that leaves the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

REPOSITORY = Path(__file__).parents[2]
# Python imports this by its name when it starts. AF_UNIX stays: processes of one machine talk through it.
REFUSING = """
import os, socket


def refuse(name):
    plain = getattr(socket.socket, name)

    def call(self, *given):
        if self.family == socket.AF_UNIX:
            return plain(self, *given)
        with open(os.environ["BENCH_TEST_CALLS"], "a") as log:
            log.write(f"{name} {given[-1]}\\n")
        raise OSError("there is no network in this test")

    setattr(socket.socket, name, call)


for name in ("connect", "connect_ex", "sendto"):
    refuse(name)


def unresolved(host, *given, **named):
    with open(os.environ["BENCH_TEST_CALLS"], "a") as log:
        log.write(f"getaddrinfo {host}\\n")
    raise socket.gaierror("there is no network in this test")


socket.getaddrinfo = unresolved
"""


@pytest.fixture
def offline(tmp_path):
    """Return a function that runs Python code without a network, and the file that names each attempt to use one."""
    (tmp_path / "refusing").mkdir()
    (tmp_path / "refusing" / "sitecustomize.py").write_text(REFUSING)
    calls = tmp_path / "calls.txt"

    def run(code, *argv):
        environment = {name: value for name, value in os.environ.items() if name != "BENCH_DATA"}
        path = os.pathsep.join([str(tmp_path / "refusing"), str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, argv)], cwd=tmp_path, capture_output=True, text=True,
            env={**environment, "PYTHONPATH": path, "BENCH_TEST_CALLS": str(calls)},
        )  # fmt: skip

    return run, calls


def test_a_cell_of_the_suite_lite_asks_for_no_network(offline):
    run, calls = offline
    tried = run("import socket; socket.create_connection(('192.0.2.1', 80))")
    assert "there is no network" in tried.stderr and calls.read_text() == "getaddrinfo 192.0.2.1\n", "it is refused"
    calls.unlink()
    done = run(
        "from bench.cli import main; main()", "run", "--method", "ours", "--model", "vae", "--feature", "slant", "--json",
        "--set", "feedback.count=60", "--set", "evaluation.count=100", "-p", "epochs=3",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["status"] == "ok" and {"target_ratio", "fid_retain[digits]"} <= record["metrics"].keys()
    assert not calls.exists(), calls.read_text()
