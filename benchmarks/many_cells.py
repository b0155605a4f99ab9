"""How much faster two workers run sixteen equal cells, of MNIST at their usual size, than one process.

Run: ``python benchmarks/many_cells.py --data-dir DIR``, on a machine that does nothing else. Every process has one
thread, so that only the number of workers differs. Both sweeps begin with an empty results folder: what cells share is
made once in each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

CELL = (
    "--method", "ours", "--model", "vae", "--feature", "thickness", "--device", "cpu",
)  # fmt: skip


def seconds(cells: int, jobs: int, more: list[str]) -> float:
    """Run cells that differ in their seed; return the wall time, s."""
    command = [sys.executable, "-P", "-c", "from bench.cli import main; main()", "run", *CELL, *more]
    with TemporaryDirectory() as folder:
        results = ["--results", str(Path(folder) / "runs"), "--seed", f"0-{cells - 1}", "--jobs", str(jobs)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        began = time.monotonic()
        subprocess.run([*command, *results], check=True, env=environment, stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data-dir", help="where MNIST is, as for bench run")
    asked = parser.parse_args()
    more = ["--data-dir", asked.data_dir] if asked.data_dir else []
    together, alone = (seconds(asked.cells, jobs, more) for jobs in (asked.jobs, 1))
    ratio = together / alone
    print(f"{asked.cells} cells: {alone:.1f} s in turn, {together:.1f} s on {asked.jobs} workers, ratio {ratio:.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
