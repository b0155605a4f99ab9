"""Whole commands in processes of their own, on small cells; what they leave running is found by a mark."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

REPOSITORY = Path(__file__).parents[2]
MARK = "BENCH_TEST_MARK"
BENCH = ("-P", "-c", "from bench.cli import main; main()")
TORCHRUN = (
    "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--local-ranks-filter", "0", "--no-python",
    sys.executable,
)  # fmt: skip
SMALL = (
    "--feature", "thickness", "--device", "cpu", "--set", "oracle.cut=shown", "--set", "feedback.count=30",
    "--set", "evaluation.metrics=target_ratio,retain_change",
)  # fmt: skip


@dataclass
class Commands:
    """Starts ``bench`` with a mark in the environment, which all that it starts inherits.

    Attributes
    ----------
    folder : Path
        The current folder of the commands.
    bars : SimpleNamespace
    plugins : Path
        ``--plugins`` of ``run``.
    torchrun : tuple of str
        What starts a command twice, as ``before``; the first one's lines are shown.
    """

    folder: Path
    bars: SimpleNamespace
    plugins: Path
    torchrun: tuple[str, ...] = TORCHRUN
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self, *argv: object, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start a command; ``before``: of a launcher that starts it."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *_installed()]), MARK: self.mark}
        return subprocess.Popen(
            [sys.executable, *before, *BENCH, *map(str, argv)],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )  # fmt: skip

    def run(self, methods: str, *more: object, count: int = 40, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start ``bench run`` on the model ``bars``; ``count``: of evaluation samples."""
        return self.start(
            "run", "--method", methods, "--model", "bars", "--dataset", "mnist", "--weights", self.bars.weights,
            "--plugins", self.plugins, *SMALL, "--set", f"evaluation.count={count}", *more, before=before,
        )  # fmt: skip

    def done(self, process: subprocess.Popen[str], code: int | None = 0) -> SimpleNamespace:
        """Wait for a command, and for all that it started."""
        out, err = process.communicate(timeout=900)
        assert code is None or process.returncode == code, err
        assert "Traceback" not in err, err
        return SimpleNamespace(code=process.returncode, out=out, err=err)

    def records(self, results: str = "results/runs") -> dict[str, dict]:
        """Return what is stored, by folder."""
        return {path.parent.name: json.loads(path.read_text()) for path in self.folder.glob(f"{results}/*/result.json")}

    def running(self) -> list[str]:
        """Return the command lines of all processes that carry the mark."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200])
            except OSError:
                continue
        return found

    def nothing_runs(self, seconds: float = 10.0) -> bool:
        """Wait until no process carries the mark."""
        until = time.monotonic() + seconds
        while (left := self.running()) and time.monotonic() < until:
            time.sleep(0.05)
        return not left


def _installed() -> list[str]:
    """Return folders of packages that this run of the tests was given by PYTHONPATH."""
    return [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]


@pytest.fixture
def commands(tmp_path, bars, plugins) -> Iterator[Commands]:
    """Return what starts commands; nothing outlives the test."""
    made = Commands(tmp_path, bars, plugins.path)
    yield made
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if made.mark.encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:
            continue
