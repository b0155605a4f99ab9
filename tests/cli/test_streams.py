"""Streams that are closed, or whose encoding lacks what is printed: the command does its work and says so by exit 0."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BENCH = [sys.executable, "-c", "import bench.cli; bench.cli.main()"]


def shell(command, cwd, **variables):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **variables}
    words = " ".join(f"'{word}'" for word in BENCH)
    return subprocess.run(["bash", "-c", f"{words} {command}"], capture_output=True, cwd=cwd, env=environment)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_like_dev_null(closed, tmp_path):
    done = shell(f"list metrics {closed}", tmp_path)
    assert done.returncode == 0 and done.stderr == b""
    assert (b"target_ratio" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_file_that_is_written_gets_no_output_of_ours(closed, tmp_path):
    assert shell(f"sample --weights vae-mnist --count 2 --out out {closed}", tmp_path).returncode == 0
    assert (tmp_path / "out" / "samples.json").read_bytes().startswith(b"{")
    assert (tmp_path / "out" / "000000.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_an_error_keeps_its_exit_code(closed, tmp_path):
    assert shell(f"show nothing {closed}", tmp_path).returncode == 4


def plugin(folder, text):
    (folder / "plugins").mkdir()
    code = f'"""{text}"""\nfrom bench.api import hookimpl\n@hookimpl\ndef register_methods(register): ...\n'
    (folder / "plugins" / "mine.py").write_text(code, encoding="utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp437", "shift_jis", "koi8-r", "utf-8"])
def test_what_an_encoding_lacks_is_replaced(encoding, tmp_path):
    plugin(tmp_path, "Less ↓, more ↑, ± 3, naïve, 雪")
    done = shell("list methods", tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    line = next(each for each in done.stdout.decode(encoding).splitlines() if each.startswith("  mine"))
    assert "Less" in line and ("↓" in line or "Less v" in line) and ("naïve" in line or "naive" in line)


def test_the_nearest_that_there_is_takes_its_place(tmp_path):
    plugin(tmp_path, "↓ ↑ ± × … é 雪")
    done = shell("list methods", tmp_path, PYTHONIOENCODING="koi8-r")
    assert "v ^ +- x ... e ?" in done.stdout.decode("koi8-r")


def test_a_path_that_is_not_text_is_printed(tmp_path):
    done = shell("sample --weights vae-mnist --count 1 --out $'\\xff'", tmp_path)
    assert done.returncode == 0 and b"1 image and grid.png in " in done.stdout
