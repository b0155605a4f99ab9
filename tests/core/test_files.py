"""Files are written whole or not at all, and locks die with their process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.core import files
from bench.core.files import sweep, write_atomically, write_bytes
from bench.workspace.store.store import Store

REPOSITORY = Path(__file__).parents[2]


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
from bench.workspace.store.store import Store
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


# --- what a kill leaves behind ------------------------------------------------------------------------


HALF_WRITTEN = """
import sys, time
from pathlib import Path
from bench.core.files import write_atomically
with write_atomically(Path(sys.argv[1])) as file:
    file.write(b"half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """Start a process that writes a file of a cell and does not finish."""
    path = tmp_path / "cell" / "result.json"
    started = subprocess.Popen(
        [sys.executable, "-c", HALF_WRITTEN, str(path)], stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    )
    assert started.stdout.readline() == "writing\n"
    yield started
    started.kill()
    started.wait()
    started.stdout.close()


def left(tmp_path):
    return list(tmp_path.rglob("*.tmp"))


def test_a_temporary_file_is_swept_once_its_process_is_dead(writer, tmp_path):
    (mine,) = left(tmp_path)
    os.utime(mine, (0, 0))
    Store(tmp_path).sweep()
    assert left(tmp_path) == [mine], "a live process writes it, however old it looks"
    writer.kill()
    writer.wait()
    Store(tmp_path).sweep()
    assert left(tmp_path) == []


def test_one_of_another_machine_is_swept_a_day_later(tmp_path):
    other, day = tmp_path / ".result.json-0abcde-x1y2z3_4.tmp", 24 * 3600
    assert files.HOST != "0abcde"
    other.write_bytes(b"half")
    assert sweep(tmp_path) == []
    os.utime(other, (time.time() - day - 60,) * 2)
    assert sweep(tmp_path) == [other]


def test_without_locks_only_age_says_that_nobody_writes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_lock", lambda file, how: None)
    ours = tmp_path / f".result.json-{files.HOST}-x1y2z3_4.tmp"
    ours.write_bytes(b"half")
    assert sweep(tmp_path) == []
    os.utime(ours, (0, 0))
    assert sweep(tmp_path) == [ours]
    write_bytes(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_what_is_not_a_temporary_file_of_ours_stays(tmp_path):
    kept = [tmp_path / name for name in (".mine.tmp", "a.tmp", f".x-{files.HOST}-abc.tmp", "x-abcdef-x1y2z3_4.tmp")]
    for path in kept:
        path.write_bytes(b"")
        os.utime(path, (0, 0))
    os.mkfifo(tmp_path / f".pipe-{files.HOST}-x1y2z3_4.tmp")
    (tmp_path / f".folder-{files.HOST}-x1y2z3_4.tmp").mkdir()
    (tmp_path / f".link-{files.HOST}-x1y2z3_4.tmp").symlink_to(kept[0])
    assert sweep(tmp_path) == [] and sweep(tmp_path / "nowhere") == []


def test_a_file_that_is_swept_before_its_writer_has_locked_it_is_written_again(tmp_path, monkeypatch):
    plain, found = files._lock, []

    def late(file, how):
        if not found:
            found.append(Path(file.name))
            found[0].unlink()
        return plain(file, how)

    monkeypatch.setattr(files, "_lock", late)
    write_bytes(tmp_path / "file", b"whole")
    assert found and (tmp_path / "file").read_bytes() == b"whole" and left(tmp_path) == []


def test_all_places_of_a_store_are_swept(tmp_path):
    places = ("runs/cell", "runs/.stages/unlearn-ab", "statistics", "counterfactual", "pretrained")
    for place in places:
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / f".x-{files.HOST}-x1y2z3_4.tmp").write_bytes(b"half")
    assert len(left(tmp_path)) == len(places)
    Store(tmp_path / "runs" / "cell").require_writable("--out")
    assert len(left(tmp_path)) == len(places) - 1, "a folder of tables: itself alone"
    Store(tmp_path / "runs").sweep()
    assert left(tmp_path) == []


def test_a_further_name_replaces_another_file_at_once(tmp_path, monkeypatch):
    """A reader finds the old file or the new one; the same name again changes nothing."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: pytest.fail("the name was gone for a moment"))
    for _ in range(2):
        files.link(source, target)
        assert target.samefile(source) and target.read_bytes() == b"new" and left(tmp_path) == []


def test_where_no_hard_links_are_possible_a_further_name_is_a_copy(tmp_path, monkeypatch):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")

    def refused(*_):
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    files.link(source, target)
    assert target.read_bytes() == b"new" and not target.samefile(source) and left(tmp_path) == []
