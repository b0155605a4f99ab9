"""What a suite trains before its cells: a command that is killed in any phase, and typed again, ends well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rendered_celeba
from waiting import wait_for

pytestmark = pytest.mark.faults

REPOSITORY = Path(__file__).parents[2]
BENCH = ("-P", "-c", "from bench.cli import main; main()")
LONG = "\n[models.proggan.methods.ours]\nepochs = 600\n"
TRAINED = ("mobilenet-celeba-a", "mobilenet-celeba-b", "faces-celeba", "proggan-celeba")


class Run:
    """The command, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        words = "run --suite toy.toml --method ours --model proggan --feature bang --results made/runs --data-dir data"
        here = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self.told = folder / "told.txt"
        with self.told.open("w") as told:
            self.process = subprocess.Popen(
                [sys.executable, *BENCH, *words.split()], cwd=folder, stdout=told, stderr=told, env=here
            )

    def killed_when(self, seen) -> None:
        wait_for(lambda: seen() or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.told.read_text()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def says(self, text: str) -> bool:
        return text in self.told.read_text()


def test_a_command_that_is_killed_in_every_phase_trains_nothing_twice(tmp_path):
    rendered_celeba.write(tmp_path / "data")
    longer = rendered_celeba.SUITE.replace("epochs = 4\nbatch_size = 8\nfmap", "epochs = 300\nbatch_size = 8\nfmap")
    (tmp_path / "toy.toml").write_text(longer + LONG)
    made, finished = tmp_path / "made", {}

    def there() -> dict[str, bytes]:
        return {path.stem.rpartition("-")[0]: path.read_bytes() for path in (made / "pretrained").glob("*.safetensors")}

    phases = {
        "oracle that clicks": lambda run: run.says("training the oracle that clicks"),
        "oracle that judges": lambda run: run.says("training the oracle that judges"),
        "extractor": lambda run: run.says("training the extractor"),
        "generator": lambda run: any((made / "pretrained").glob("proggan-*.checkpoint.pt")),
        "unlearning": lambda run: any((made / "runs/.stages").glob("unlearn-*/checkpoint.pt")),
        "embedding": lambda run: any((made / "statistics").glob("**/.lock")),
    }
    for number, (phase, seen) in enumerate(phases.items()):
        run = Run(tmp_path)
        run.killed_when(lambda seen=seen, run=run: seen(run))
        assert set(there()) == set(TRAINED[: min(number, 4)]), phase
        assert all(there()[name] == content for name, content in finished.items()), f"{phase}: trained again"
        finished = there()
        time.sleep(1)  # what the command started ends with it
    run = Run(tmp_path)
    assert run.process.wait(120) == 0, run.told.read_text()
    assert "training the" not in run.told.read_text() and there() == finished
    (record,) = (json.loads(path.read_text()) for path in (made / "runs").glob("*/result.json"))
    assert record["status"] == "ok" and "fid[faces-celeba]" in record["metrics"]
    assert record["provenance"]["data"] == "CelebA, 48 photographs"
    assert not list(made.glob("pretrained/*.checkpoint.pt"))
