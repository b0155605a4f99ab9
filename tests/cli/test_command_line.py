"""The command line itself: usage, help, exit codes, environment variables."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["runn"], "unknown command 'runn'. Did you mean 'run'?"),
        (["run"], "Missing option '--method': pass one or more names, or all"),
        (["run", "--metod", "ours"], "--metod"),
        (["table"], "Missing argument 'NAME'"),
        (["list", "method"], "'method' is not one of"),
        (["new", "datasets", "x"], "'datasets' is not one of"),
        (["sample", "--weights", "vae-mnist", "--out", "x", "--count", "0"], "0 is not in the range 1<=x<=1000000"),
    ],
)
def test_usage_errors_are_exit_code_4(argv, message, bench_cli):
    done = bench_cli(*argv)
    assert done.code == 4 and message in done.err and "Traceback" not in done.err


def test_help_and_version(bench_cli):
    top = bench_cli("--help")
    assert top.code == 0
    for command in ("run", "table", "status", "list", "show", "new", "check", "sample", "pretrain", "zoo", "doctor"):
        assert re.search(rf"^  {command} ", top.out, re.M), command
        one = bench_cli(command, "-h")
        assert one.code == 0 and one.out.startswith(f"Usage: bench {command}")
    import bench

    assert bench_cli("--version").out == f"bench, version {bench.__version__}\n"


def test_an_internal_error_is_exit_code_3_and_asks_for_a_report(bench_cli, monkeypatch):
    monkeypatch.setattr("bench.authoring.show.describe", lambda *_: 1 / 0)
    done = bench_cli("show", "ours")
    assert (
        done.code == 3 and done.err.startswith("Internal error. Please report it") and "ZeroDivisionError" in done.err
    )


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} -c 'import bench.cli; bench.cli.main()' list | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout.splitlines()[0] == "methods" and done.stdout.splitlines()[-1] == "0"
    assert "Traceback" not in done.stderr


def test_environment_variables_and_flags(on_bars, monkeypatch):
    monkeypatch.setenv("BENCH_RUN_DEVICE", "nonsense")
    assert on_bars("ours", "--dry-run").code == 0, "the flag wins"
    monkeypatch.setenv("BENCH_RUN_SEED", "3")
    assert "-s3-" in on_bars("ours", "--dry-run").out
    assert "-s4-" in on_bars("ours", "--dry-run", "--seed", "4").out
