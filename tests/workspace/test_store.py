"""The store: records, cells that are stopped or running, folders that cannot serve."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.core.code_hash import digest
from bench.errors import StoreError
from bench.workspace.store.record import Record
from bench.workspace.store.store import CELL, Store

KEY = "ab" * 32
PROVENANCE = {
    "machine": {
        "bench": "0", "git_commit": None, "python": "3", "packages": {}, "device": "cpu", "threads": 1, "bfloat16": False,
        "command": None,
    },
    "settings": {"dataset": "mnist"},
    "data": "MNIST (real)",
    "weights": {"path": "vae-mnist", "sha256": "0"},
    "extractors": {},
    "stages": {"feedback": "1", "unlearn": "2", "original": "3", "evaluate": KEY, "columns": "4"},
}  # fmt: skip


def measured(value):
    return {"value": value, "n": 10, "higher_is_better": False, "source": "a test", "metric": "fidelity"}


def record(**changed):
    fields = {
        "key": KEY, "status": "ok", "suite": "lite", "method": "ours", "model": "vae", "dataset": "mnist",
        "feature": "slant", "seed": 0, "params": {}, "metrics": {"fid": measured(1.5)}, "provenance": PROVENANCE,
    }  # fmt: skip
    return Record(**{**fields, **changed})


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (f"ours-vae-slant-s0-{KEY[:16]}", ("ours-vae-slant", "-s0", None)),
        (f"ours-vae-slant-s12-at5-{KEY[:16]}", ("ours-vae-slant", "-s12", "-at5")),
        (f"ours-s3-vae-s1-{KEY[:16]}", ("ours-s3-vae", "-s1", None)),
        (f"lite-ours-vae-slant-s0-{KEY[:8]}", ("lite-ours-vae-slant", "-s0", None)),
        (f"ours-{KEY[:16]}", ("ours", None, None)),
        (f"-{KEY[:16]}", None),
        (f"ours-vae-slant-s0-{KEY[:12]}", None),
        (f"ours-vae-slant-s0-{KEY}", None),
        ("ours-vae-slant-s0", None),
    ],
)
def test_what_a_cell_s_folder_is_called(name, parts):
    found = CELL.fullmatch(name)
    assert (found and found.group("readable", "seed", "step")) == parts


# --- records ------------------------------------------------------------------------------------------


def test_a_record_goes_through_its_file(tmp_path):
    store = Store(tmp_path)
    folder = store.folder("ours", KEY)
    assert folder == tmp_path / "ours-abababababababab" and store.read(folder) is None
    store.write(folder, record())
    assert store.read(folder) == store.read(folder, KEY) == record()
    assert store.records() == [(folder, record())] and store.unreadable() == []
    assert [p.name for p in folder.iterdir()] == ["result.json"], "no temporary file is left"
    assert json.loads((folder / "result.json").read_text())["format"] == 3
    assert record().value("fid") == 1.5 and record().value("nothing") is None


def test_a_cell_is_found_by_its_key_whatever_its_folder_is_called(tmp_path):
    store, other = Store(tmp_path), KEY[:16] + "0" * 48
    stored = tmp_path / f"lite-ours-vae-{KEY[:16]}"
    store.write(stored, record())
    assert store.folder("ours-vae", KEY) == stored, "as an earlier version called it"
    assert store.folder("ours-vae", other) == tmp_path / f"ours-vae-{KEY[:16]}", (
        "sixteen digits in common are not the key"
    )
    begun = tmp_path / "copied by hand-cdcdcdcdcdcdcdcd"
    begun.mkdir()
    assert store.folder("ours-vae", "cd" * 32) == begun, "not ended yet"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_record_holds_finite_numbers(value):
    with pytest.raises(ValidationError, match="finite number"):
        record(metrics={"fid": measured(value)})


def written(content):
    """Return what a file holds: the record's fields and their sha256."""
    content = content.model_dump(mode="json") if isinstance(content, Record) else content
    return {**content, "sha256": digest(content)}


NEWER = json.dumps({**record().model_dump(mode="json"), "format": 4, "more": 1})
OLDER = json.dumps({"key": KEY, "status": "ok"})
PAST = json.dumps({**record().model_dump(mode="json"), "format": 2})
OTHER = json.dumps(written(record(key="cd" * 32)))
FINE = json.dumps(written({**record().model_dump(mode="json"), "status": "fine"}))
BARE = record().model_dump_json()
CHANGED = json.dumps({**written(record()), "seed": 1})
DEEP = "[" * 100_000
LONG = '{"key": ' + "9" * 5000 + "}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "cannot be read (Expecting value"),
        ("{", "cannot be read (Expecting property name"),
        ("[]", "is not a result of this project"),
        ('{"status": "ok"}', "is not a result of this project"),
        ("\xff\xff", "cannot be read (is not a text in UTF-8"),
        (NEWER, "has format 4; this version reads format 3"),
        (OLDER, "has format 1; this version reads format 3"),
        (PAST, "has format 2; this version reads format 3"),
        (OTHER, "belongs to another cell (key cdcdcdcdcdcdcdcd)"),
        (FINE, "is not a result of this project (status: should be"),
        (BARE, "cannot be read (has no sha256)"),
        (CHANGED, "cannot be read (was changed since it was written: its sha256 differs)"),
        (DEEP, "cannot be read (is nested more than 100 levels deep"),
        (LONG, "cannot be read (holds a number of more than 4,300 digits"),
    ],
    ids="empty cut list no-key binary newer older past other fine bare changed deep long".split(),
)
def test_a_file_that_is_not_a_record_is_named_and_blocks_nothing(content, reason, tmp_path, bench_cli):
    store = Store(tmp_path)
    folder = store.folder("bad", KEY)
    folder.mkdir()
    (folder / "result.json").write_bytes(content.encode("latin-1"))
    good = store.folder("good", KEY)
    store.write(good, record())
    with pytest.raises(StoreError) as error:
        store.read(folder)
    assert str(error.value).startswith(f"{folder / 'result.json'}: {reason}")
    assert store.readable(folder) is None and store.records() == [(good, record())]
    done = bench_cli("status", "--results", tmp_path)
    assert done.code == 0 and f"unreadable {folder / 'result.json'}: {reason}" in done.out and "good-" in done.out
    store.write(folder, record())  # the cell ran again: what was there is kept
    assert store.read(folder) == record()
    assert (folder / "result.json.1.unreadable").read_bytes() == content.encode("latin-1")


def test_a_changed_bit_anywhere_is_noticed(tmp_path):
    store = Store(tmp_path)
    folder = store.folder("ours", KEY)
    store.write(folder, record())
    path, draw = folder / "result.json", random.Random(0)
    whole = path.read_bytes()
    for _ in range(400):
        bit = draw.randrange(8 * (len(whole) - 1))  # the last byte is a line break
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert store.readable(folder, KEY) is None and store.records() == [], damaged[bit // 8 - 20 : bit // 8 + 20]


def test_cells_whose_keys_begin_alike_never_serve_each_other(tmp_path):
    store = Store(tmp_path)
    other = KEY[:16] + "cd" * 24
    folder = store.folder("ours", KEY)
    assert folder == store.folder("ours", other)
    store.write(folder, record())
    assert store.readable(folder, other) is None
    with pytest.raises(StoreError, match="belongs to another cell"):
        store.read(folder, other)
    store.write(folder, record(key=other, seed=1))
    assert store.read(folder, other).seed == 1 and store.readable(folder, KEY) is None
    kept = json.loads((folder / "result.json.1.unreadable").read_text())
    assert kept["key"] == KEY, "the first cell's result is still there"
    third = "-".join(["ours", KEY[:15]]) + "0"
    store.write(tmp_path / third, record())
    assert [path for path, _ in store.records()] == [folder], "a folder of another name than its record's key"


def test_unknown_fields_and_statuses_are_refused():
    with pytest.raises(ValidationError):
        record(status="fine")
    with pytest.raises(ValidationError):
        record(extra=1)


def test_stopped_and_running_cells_are_listed(tmp_path, bench_cli):
    store = Store(tmp_path)
    done, failed = store.folder("done", KEY), store.folder("failed", KEY)
    store.write(done, record(metrics={"target_ratio": measured(0.25)}))
    store.write(failed, record(status="failed", reason="KeyError: 'x'\nTraceback", seed=1))
    stopped = store.folder("stopped", "ef" * 32)
    stopped.mkdir()
    with store.locked(store.stage("unlearn", "cd" * 32)):
        pass
    assert store.unfinished() == [stopped]
    listed = bench_cli("status", "--results", tmp_path)
    assert listed.code == 0
    assert listed.out.splitlines() == [
        "ok        done-abababababababab  target_ratio 0.2500",
        "failed    failed-abababababababab  KeyError: 'x'",
        "stopped   stopped-efefefefefefefef  run the same `bench run` again to resume",
    ]
    with store.locked(stopped):
        assert bench_cli("status", "--results", tmp_path).out.splitlines()[-1] == "running   stopped-efefefefefefefef"
    assert bench_cli("status", "--results", tmp_path).out == listed.out
    assert bench_cli("status", "--results", tmp_path / "nowhere").code == 5


LEFT = [".ipynb_checkpoints", "__MACOSX", "@eaDir", ".git", "lost+found", ".Trash-0", "backup", "figures", "old runs"]


def test_what_other_programs_leave_is_not_a_cell(tmp_path, bench_cli):
    store = Store(tmp_path)
    own = store.folder("done", KEY)
    store.write(own, record())
    for name in LEFT:
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text("{}")
    for name in (f"{own.name} copy", f"{own.name} (1)", f"._{own.name}.tmp", "done.sync-conflict-20240101-12"):
        shutil.copytree(own, tmp_path / name)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", f"._{own.name}"):
        (tmp_path / name).write_bytes(b"\0")
    os.mkfifo(tmp_path / "pipe-abababababababab")
    assert [folder for folder, _ in store.records()] == [own]
    assert store.unreadable() == [] and store.unfinished() == []
    listed = bench_cli("status", "--results", tmp_path)
    assert listed.code == 0 and len(listed.out.splitlines()) == 1


def test_a_pipe_for_a_result_is_named_and_not_waited_for(tmp_path):
    store = Store(tmp_path)
    store.folder("piped", KEY).mkdir()
    os.mkfifo(store.folder("piped", KEY) / "result.json")
    ((path, reason),) = store.unreadable()
    assert path.parent.name.startswith("piped") and reason == "cannot be read (is not a regular file)"


@pytest.mark.parametrize("readable", ["x" * 245, "ours-vae-" + "scar" * 60 + "-s0", "ö" * 200, "s" + "9" * 100])
def test_a_long_name_is_cut_and_the_key_tells_cells_apart(readable, tmp_path):
    store, other = Store(tmp_path), "cd" * 32
    for key in (KEY, other):
        store.write(store.folder(readable, key), record(key=key))
    assert store.read(store.folder(readable, KEY), KEY).key == KEY
    assert store.read(store.folder(readable, other), other).key == other
    assert len(store.records()) == 2 and all(len(f.name.encode()) < 180 for f, _ in store.records())


def test_cells_of_other_parameters_are_told_apart(tmp_path, bench_cli):
    store = Store(tmp_path)
    for name, key, method, params in (
        ("a", "ab" * 32, "ours", {"lr": 0.1, "keep": []}),
        ("b", "cd" * 32, "ours", {"lr": 0.1, "keep": ["Male", "Young"]}),
        ("c", "ef" * 32, "probe", {"lr": 0.2, "keep": []}),
    ):
        store.write(store.folder(name, key), record(key=key, params=params, method=method))
    out = bench_cli("status", "--results", tmp_path).out.splitlines()
    assert [line.split() for line in out] == [
        ["ok", "a-abababababababab", "keep="],
        ["ok", "b-cdcdcdcdcdcdcdcd", "keep=Male,Young"],
        ["ok", "c-efefefefefefefef"],
    ]


# --- a folder that cannot serve -----------------------------------------------------------------------


def unusable(tmp_path):
    """Return folders that cannot be written, even by root."""
    (tmp_path / "file").write_text("")
    return [tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")]


def test_an_unwritable_folder_is_refused_before_any_work(tmp_path, bench_cli, monkeypatch):
    def work(*_args):
        raise AssertionError("work began")

    monkeypatch.setattr("bench.experiments.planning.grid.cells", work)
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
    monkeypatch.setattr("bench.experiments.planning.grid.cells", lambda *_a, **_k: pytest.fail("work began"))
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


def test_a_folder_that_is_removed_while_one_waits_for_it_is_made_again(tmp_path):
    """Whoever had nothing to keep removes its folder, lock included."""
    store, folder, entered = Store(tmp_path / "runs"), tmp_path / "runs" / "cell", threading.Event()

    def work():
        with store.locked(folder, lambda text: entered.set()):
            (folder / "kept").write_text("")

    with store.locked(folder):
        waiting = threading.Thread(target=work)
        waiting.start()
        assert entered.wait(20)
        shutil.rmtree(folder)
    waiting.join(20)
    assert not waiting.is_alive() and (folder / "kept").exists()


def test_whether_a_folder_is_locked_is_asked_without_writing(tmp_path, monkeypatch):
    """A folder of results may be read-only."""
    store, folder = Store(tmp_path), tmp_path / "cell"
    assert not store.is_locked(folder)
    with store.locked(folder):
        assert store.is_locked(folder)
    opened = os.open

    def read_only(path, flags, *more, **how):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return opened(path, flags, *more, **how)

    monkeypatch.setattr(os, "open", read_only)
    assert not store.is_locked(folder)
