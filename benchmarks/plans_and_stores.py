"""How long many cells take that are only planned or read: a plan of 10,000 cells, and a store of 10,000 records.

Run: ``python benchmarks/plans_and_stores.py``. It prints CPU and wall seconds: of the whole command
``bench run --dry-run``, for many seeds and for many hyper-parameters; and of reading a store whose records are copies
of one real record, each with its own seed and key.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.core import sealed
from bench.core.code_hash import digest
from bench.workspace.store.store import DIGITS, Store

SMALL = ("--set", "feedback.count=100", "--set", "evaluation.count=200")
MANY = ("--method", "ours,gradient_ascent", "--model", "vae,dcgan", "--feature", "all")
PLANS = {  # what is varied, and the arguments for a number of its values
    "seeds": lambda values: (*MANY, "--seed", f"0-{values - 1}"),
    "hyper-parameters": lambda values: (
        *("--method", "ours", "--model", "vae,dcgan", "--feature", "all"),
        *("-p", "alpha=" + "//".join(str(value + 1) for value in range(values))),
    ),
}


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print the CPU seconds of this process and of those that it waited for meanwhile, and the wall seconds."""
    wall, before = time.perf_counter(), cpu()
    yield
    click.echo(f"{what}: {cpu() - before:.2f} s of CPU time, {time.perf_counter() - wall:.2f} s on the clock")


def cpu() -> float:
    """Return the CPU seconds of this process and of its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def bench(*arguments: str) -> str:
    """Run a command and return what it prints."""
    command = [sys.executable, "-c", "import sys; from bench.cli import main; sys.exit(main())", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def planned(results: Path, varied: str, cells: int) -> None:
    """Plan at least so many cells."""

    def dry_run(values: int) -> str:
        return bench("run", *PLANS[varied](values), "--dry-run", "--results", str(results)).rpartition("\n")[0]

    of_one = count_of(dry_run(1))
    with timed(f"a plan of many {varied}"):
        made = dry_run(-(-cells // of_one))
    click.echo(f"  {count_of(made):,} cells")


def count_of(plan: str) -> int:
    """Return how many cells the last line of a plan says that there are."""
    return int(plan.rpartition("\n")[2].split(" ")[0])


def filled(results: Path, records: int, metrics: int) -> int:
    """Fill a folder with copies of a record, with at most so many metrics; returns how many each has."""
    bench("run", "--method", "original", "--model", "vae", "--feature", "slant", *SMALL, "--results", str(results))
    ((folder, record),) = Store(results).records()
    content = record.model_dump(mode="json")
    content["metrics"] = dict(list(content["metrics"].items())[:metrics])
    for seed in range(1, records):
        key = digest(seed)
        changed = content | {"seed": seed, "key": key}
        sealed_content = {**changed, sealed.FIELD: digest(changed)}
        copy = results / f"original-vae-slant-s{seed}-{key[:DIGITS]}"
        copy.mkdir()
        (copy / "result.json").write_text(json.dumps(sealed_content, indent=2, sort_keys=True) + "\n", "utf-8")
    return len(content["metrics"])


@click.command(help=__doc__)
@click.option("--cells", default=10_000, show_default=True, help="Cells of a plan, and records of the store.")
@click.option("--metrics", default=100, help="At most so many metrics in a record; all by default.")
def main(cells: int, metrics: int) -> None:
    with TemporaryDirectory() as folder:
        results = Path(folder) / "runs"
        for varied in PLANS:
            planned(results, varied, cells)
        held = filled(results, cells, metrics)
        with timed(f"a store of {cells:,} records of {held} metrics"):
            found, unreadable = Store(results).survey()
        assert len(found) == cells and not unreadable


if __name__ == "__main__":
    main()
