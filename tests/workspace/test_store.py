from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.core.files import write_atomically, write_bytes
from bench.errors import StoreError
from bench.workspace.store import Record, Store

REPOSITORY = Path(__file__).parents[2]


def record(**changed):
    fields = {
        "key": "ab" * 32, "status": "ok", "suite": "lite", "method": "ours", "model": "vae", "dataset": "mnist",
        "feature": "slant", "seed": 0, "params": {}, "metrics": {"fid": {"value": 1.5, "n": 10}},
    }  # fmt: skip
    return Record(**{**fields, **changed})


# --- records ------------------------------------------------------------------------------------------


def test_a_record_goes_through_its_file(tmp_path):
    store = Store(tmp_path)
    folder = store.folder("lite-ours", "ab" * 32)
    assert folder == tmp_path / "lite-ours-abababab" and store.read(folder) is None
    store.write(folder, record())
    assert store.read(folder) == record()
    assert store.records() == [(folder, record())]
    assert [p.name for p in folder.iterdir()] == ["result.json"], "no temporary file is left"
    assert record().value("fid") == 1.5 and record().value("nothing") is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_never_reaches_a_file(value, tmp_path):
    store = Store(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write(tmp_path / "cell", record(metrics={"fid": {"value": value}}))
    assert not (tmp_path / "cell" / "result.json").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"status": "ok"}', b"\xff\xff"])
def test_a_file_changed_by_hand_is_named(content, tmp_path, bench_cli):
    folder = tmp_path / "cell"
    folder.mkdir()
    (folder / "result.json").write_bytes(content)
    with pytest.raises(StoreError, match="is not a result of this project") as error:
        Store(tmp_path).read(folder)
    assert str(folder / "result.json") in str(error.value)
    done = bench_cli("status", "--results", tmp_path)
    assert done.code == 4 and str(folder / "result.json") in done.err


def test_unknown_fields_and_statuses_are_refused():
    with pytest.raises(ValidationError):
        record(status="fine")
    with pytest.raises(ValidationError):
        record(extra=1)


def test_stopped_and_running_cells_are_listed(tmp_path, bench_cli):
    store = Store(tmp_path)
    store.write(tmp_path / "done", record(metrics={"target_ratio": {"value": 0.25}}))
    store.write(tmp_path / "failed", record(status="failed", reason="KeyError: 'x'\nTraceback"))
    (tmp_path / "stopped").mkdir()
    with store.locked(store.stage("unlearn", "cd" * 32)):
        pass
    assert store.unfinished() == [tmp_path / "stopped"]
    done = bench_cli("status", "--results", tmp_path)
    assert done.code == 0
    assert done.out.splitlines() == [
        "ok        done  target_ratio 0.2500",
        "failed    failed  KeyError: 'x'",
        "stopped   stopped  the same `bench run` goes on",
    ]
    with store.locked(tmp_path / "stopped"):
        assert bench_cli("status", "--results", tmp_path).out.splitlines()[-1] == "running   stopped"
    assert bench_cli("status", "--results", tmp_path).out == done.out
    assert bench_cli("status", "--results", tmp_path / "nowhere").code == 5


def test_cells_of_other_parameters_are_told_apart(tmp_path, bench_cli):
    store = Store(tmp_path)
    for name, params in (("a", {"lr": 0.1, "keep": []}), ("b", {"lr": 0.1, "keep": ["Male", "Young"]})):
        store.write(tmp_path / name, record(params=params))
    store.write(tmp_path / "c", record(params={"lr": 0.2, "keep": []}, method="probe"))
    out = bench_cli("status", "--results", tmp_path).out.splitlines()
    assert [line.split() for line in out] == [["ok", "a", "keep="], ["ok", "b", "keep=Male,Young"], ["ok", "c"]]


# --- a folder that cannot serve -----------------------------------------------------------------------


def unusable(tmp_path):
    """Return folders that cannot be written, even by root."""
    (tmp_path / "file").write_text("")
    return [tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")]


def test_an_unwritable_folder_is_refused_before_any_work(tmp_path, bench_cli, monkeypatch):
    def work(*_args):
        raise AssertionError("work began")

    monkeypatch.setattr("bench.experiments.grid.cells", work)
    monkeypatch.setattr("bench.core.machine.choose_device", work)
    for folder in unusable(tmp_path):
        with pytest.raises(StoreError, match="cannot be written .* Choose another folder"):
            Store(folder).require_writable()
        done = bench_cli(
            "run", "--method", "ours", "--model", "vae", "--feature", "slant", "--results", folder,
        )  # fmt: skip
        assert done.code == 4
        assert done.err.startswith(f"Error: --results {folder}: cannot be written (")


def test_other_places_that_cannot_be_written_give_one_line(tmp_path, bench_cli, bars, monkeypatch):
    monkeypatch.setattr("bench.experiments.grid.cells", lambda *_a, **_k: pytest.fail("work began"))
    file = unusable(tmp_path)[0]
    for argv in (
        ("sample", "--weights", "digits-of-nobody", "--out", file),
        ("new", "method", "mine", "--plugins", file / "below"),
        ("table", "3", "--out", file, "--results", tmp_path / "runs"),
        ("pretrain", "--model", "vae", "--out", file / "x.safetensors", "--results", tmp_path / "runs"),
    ):
        done = bench_cli(*argv)
        assert done.code == 4 and done.err.startswith("Error: ") and len(done.err.splitlines()) == 1, done.err
        assert "Traceback" not in done.err


# --- atomic writing -----------------------------------------------------------------------------------


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(KeyError), write_atomically(path) as file:
        file.write(b"half of the new")
        raise KeyError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_written_file_is_readable_by_others(tmp_path):
    before = os.umask(0o022)
    try:
        write_bytes(tmp_path / "deep" / "er" / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "deep" / "er" / "file").stat().st_mode & 0o777 == 0o644


WRITER = """
import itertools, os, sys
from pathlib import Path
from bench.core.files import write_bytes
print("ready", flush=True)
for i in itertools.count():
    write_bytes(Path(sys.argv[1]), (b"%08d-%08d" % (os.getpid(), i)) * 10_000)
"""


def test_sigkill_never_leaves_a_torn_file(tmp_path):
    path = tmp_path / "file"
    seen = set()
    for attempt in range(20):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=REPOSITORY)
        assert writer.stdout.readline() == b"ready\n"
        mine = b"%08d" % writer.pid
        while attempt % 2 == 0 and not (path.exists() and path.read_bytes()[:8] == mine):
            time.sleep(0.001)
        time.sleep(0.0011 * attempt)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        content = path.read_bytes()
        assert content == content[:17] * 10_000
        seen.add(content[:8])  # of which process
    assert len(seen) >= 10


LOCKER = """
import sys, time
from pathlib import Path
from bench.workspace.store import Store
with Store(Path(sys.argv[1])).locked(Path(sys.argv[1]) / "cell"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", LOCKER, str(tmp_path)], stdout=subprocess.PIPE, cwd=REPOSITORY)
    assert holder.stdout.readline() == b"held\n"
    from filelock import FileLock, Timeout

    with pytest.raises(Timeout), FileLock(tmp_path / "cell" / ".lock", timeout=0.05):
        pytest.fail("two holders")
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with FileLock(tmp_path / "cell" / ".lock", timeout=1):
        pass
