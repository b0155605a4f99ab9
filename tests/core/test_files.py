"""Files are written whole or not at all, and locks die with their process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.core.files import write_atomically, write_bytes

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
