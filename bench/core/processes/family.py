"""Measure the memory of all processes that a process has started, directly or not, and kill them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
ROUNDS = 3  # of killing: a process may start another while it is being killed


def members(leaders: Iterable[int]) -> set[int]:
    """Return the processes of the groups that some processes lead, and all that those have started.

    On a system without ``/proc``: the leaders alone.
    """
    found = set(leaders)
    facts = _facts()
    while new := {pid for pid, (parent, group) in facts.items() if parent in found or group in found} - found:
        found |= new
    return found


def memory_of(pids: Iterable[int]) -> int:
    """Return the bytes of memory that processes use together; what they share with others counts in part.

    Reading that is slow, so where even counting it in full is cheap to read, ``resident`` comes first.
    """
    return sum(_proportional(pid) for pid in pids)


def resident(pids: Iterable[int]) -> int:
    """Return the bytes of memory that processes use; what several of them share counts several times."""
    return sum(_resident(pid) for pid in pids)


def kill(leaders: Iterable[int]) -> None:
    """Kill some processes and all that they have started, also what outlived a leader in its group."""
    first = [*leaders]
    for _ in range(ROUNDS):
        for leader in first:
            with contextlib.suppress(OSError):
                os.killpg(leader, signal.SIGKILL)
        left = members(first) - {os.getpid()}
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if left <= set(first):
            return


def _facts() -> dict[int, tuple[int, int]]:
    """Return the parent and the group of every process."""
    found = {}
    with contextlib.suppress(OSError):
        for folder in os.listdir(PROC):  # noqa: PTH208 (a tenth of the time)
            if folder.isdigit():
                with contextlib.suppress(OSError):
                    text = (PROC / folder / "stat").read_text("utf-8", errors="replace")
                    state, parent, group = text.rpartition(")")[2].split()[:3]
                    if state != "Z":
                        found[int(folder)] = (int(parent), int(group))
    return found


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((PROC / str(pid) / "statm").read_text("utf-8").split()[1]) * PAGE
    return 0


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text("utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident(pid)
