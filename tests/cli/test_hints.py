"""What errors say of the next thing to type, and that it works."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("runn",), "unknown command 'runn'. Did you mean 'run'?"),
        (("show", "lite"), "'lite' is a suite. See what it sets with: bench show METHOD --suite lite"),
        (("show", "vae-mnist"), "'vae-mnist' are shipped weights. See them with: bench zoo list"),
        (("table", "2", "-p", "epochs=3"), '--method "ours -p alpha=1"'),
        (("table", "2", "--only", "our", "--no-run"), "--only: unknown row 'our'. Did you mean 'ours'?"),
        (("table", "2", "--only", "ours, cosin", "--no-run"), "Known: "),
        (
            ("run", "--method", "ours probe", "--model", "vae", "--feature", "slant", "--dry-run"),
            "several names are separated by commas: ours,probe",
        ),
        (
            ("run", "--method", "ours", "--model", "vae", "--feature", "slant", "--set", "epochs=10", "--dry-run"),
            "A hyper-parameter of a method: -p epochs=10, or --set methods.METHOD.epochs=10",
        ),
    ],
)
def test_an_error_says_what_to_type(argv, expected, bench_cli, tmp_path):
    where = () if argv[0] in ("runn", "show") else ("--results", tmp_path / "runs")
    done = bench_cli(*argv, *where)
    assert done.code == 4 and expected in done.err, done.err


def test_what_the_hints_say_works(bench_cli, tmp_path):
    cell = ("run", "--model", "vae", "--feature", "slant", "--dry-run", "--results", tmp_path / "runs")
    for more in (
        ("--method", "ours,probe"), ("--method", "ours", "-p", "epochs=10"),
        ("--method", "ours", "--set", "methods.ours.epochs=10"),
    ):  # fmt: skip
        assert bench_cli(*cell, *more).code == 0
    assert bench_cli("show", "ours", "--suite", "lite").code == bench_cli("zoo", "list").code == 0


def test_a_name_that_is_far_from_all_is_not_guessed(bench_cli, tmp_path):
    done = bench_cli(
        "run", "--method", "ours", "--model", "vae", "--feature", "slant", "-p", "keep=Male", "--dry-run",
        "--results", tmp_path / "runs",
    )  # fmt: skip
    assert "unknown attribute 'Male'. Known: " in done.out + done.err


def test_results_that_are_not_there_are_not_clean(bench_cli, tmp_path):
    done = bench_cli("clean", "--results", tmp_path / "nothere")
    assert done.code == 4 and done.err.startswith(f"Error: --results {tmp_path / 'nothere'}: no such folder")


def test_status_of_a_parent_names_the_results_below(bench_cli, tmp_path):
    cell = tmp_path / "results" / "runs" / "ours-vae-slant-s0-0123456789abcdef"
    cell.mkdir(parents=True)
    (cell / "result.json").write_text("{}")
    done = bench_cli("status", "--results", tmp_path)
    assert done.code == 5 and f"Try --results {tmp_path / 'results' / 'runs'}" in done.err
    assert "its cell runs again" in bench_cli("status", "--results", tmp_path / "results" / "runs").out


def test_counting_images_without_running_looks_at_none(bench_cli, tmp_path, monkeypatch):
    from bench.evaluation import targets

    monkeypatch.setattr(targets, "_scores", lambda *args: pytest.fail("images are looked at"))
    monkeypatch.delenv("BENCH_DATA", raising=False)
    done = bench_cli("table", "1", "--no-run", "--results", tmp_path / "runs", "--out", tmp_path / "out")
    assert done.code in (4, 5, 0)


@pytest.mark.parametrize(("words", "ending"), [(["run"], "again to resume."), (["check", "ours"], "again.")])
def test_only_a_command_that_resumes_says_so(words, ending, monkeypatch, capsys):
    import sys

    import bench.cli
    from bench.errors import Interrupted

    def stop(**_):
        raise Interrupted

    monkeypatch.setattr(sys, "argv", ["bench", *words])
    monkeypatch.setattr(bench.cli, "cli", stop)
    with pytest.raises(SystemExit) as end:
        bench.cli.main()
    assert end.value.code == 2 and capsys.readouterr().err == f"Interrupted. Run the same command {ending}\n"
