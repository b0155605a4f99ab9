"""What is run, what is stored, what is missing, and how long it should take."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from bench import zoo
from bench.cell import Cell, Run
from bench.errors import BenchError, CheckpointError
from bench.store import Record
from bench.workshop import Workshop

TIMES = Path(__file__).parent / "expected_times.toml"

Overwrite = Literal["never", "failed", "always"]


@dataclass(frozen=True)
class Planned:
    """One cell of a plan."""

    run: Run
    action: Literal["run", "cached", "resume"]
    why: str
    seconds: float | None = None
    basis: str = ""


def plan(found: Iterable[Cell], shop: Workshop, overwrite: Overwrite) -> list[Planned]:
    """Say for each cell whether it is cached, resumed or run, why, and how long it should take."""
    past = completed(shop)
    planned = []
    for cell in found:
        run = Run(cell, shop)
        record = shop.store.read(run.folder)
        if record is not None and (
            overwrite == "never" or (record.status in ("ok", "skipped") and overwrite != "always")
        ):
            planned.append(Planned(run, "cached", f"stored with status {record.status}", 0.0, "stored"))
            continue
        seconds, basis = expected(cell, past)
        if (shop.store.stage("unlearn", run.keys.unlearn) / "checkpoint.pt").exists():
            planned.append(Planned(run, "resume", "has a checkpoint", seconds, basis))
        elif record is not None:
            planned.append(Planned(run, "run", f"stored with status {record.status}", seconds, basis))
        else:
            planned.append(Planned(run, "run", "no stored result", seconds, basis))
    return planned


def lacking(cell: Cell, shop: Workshop, suite: str) -> list[str]:
    """Say what has to be made or fetched before a cell can run, each with the command or place; usually nothing.

    Parameters
    ----------
    cell : Cell
        Whose weights may be but named (``grid.cells``).
    shop : Workshop
    suite : str
        As typed: a name, or a file.
    """
    settings = cell.settings
    dataset = shop.dataset(settings.dataset)
    parts: list[Callable[[], Any]] = [
        partial(require_weights, cell, suite),
        *(partial(shop.extractor, name) for name in settings.evaluation.extractors or ()),
    ]
    if dataset.classifier is not None:
        parts.append(partial(shop.oracles, settings.dataset, settings.oracle))
        if "training_data" in shop.registry.get("methods", cell.method, "--method").needs:
            parts.append(partial(dataset.split, dataset.training_split))
    found = []
    for part in parts:
        try:
            part()
        except BenchError as error:
            found.append(str(error))
    return found


def require_weights(cell: Cell, suite: str) -> None:
    """Raise CheckpointError, with what to type, unless a cell's original generator is there."""
    settings = cell.settings
    trained_by = f"--model {cell.model} --dataset {settings.dataset}{'' if suite == 'lite' else f' --suite {suite}'}"
    if cell.weights == settings.weights:
        zoo.require(cell.weights, f"--model {cell.model}", trained_by, "--weights FILE")
    elif not Path(cell.weights).exists():
        raise CheckpointError(
            f"--model {cell.model}: has no weights yet. Train it (bench pretrain {trained_by}; `bench run` does so by "
            "itself) or name some (--weights FILE)."
        )


def completed(shop: Workshop) -> list[Record]:
    """Return the records that times are estimated from."""
    return [record for _, record in shop.store.records() if record.status == "ok"]


def expected(cell: Cell, past: Sequence[Record]) -> tuple[float | None, str]:
    """Estimate a cell's wall time in seconds, and say from what.

    From stored cells of the same suite, method and model; before there are any, from ``expected_times.toml``.
    """
    same = [r for r in past if (r.suite, r.method, r.model) == (cell.suite, cell.method, cell.model)]
    if same:
        totals = sorted(sum(t["seconds"] for t in r.timings.values()) for r in same)
        return totals[len(totals) // 2], "median of the stored cells of this method and model"
    suite = measured_elsewhere().get(cell.suite, {})
    seconds = suite.get(cell.model, {}).get(cell.method)
    if seconds is None:
        return None, "no stored cell of this method and model"
    return float(seconds), suite["basis"]


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it: "40 s", "12 min", "7.5 h", "3.2 days"."""
    for unit, length in (("days", 86400), ("h", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


@cache
def measured_elsewhere() -> dict[str, Any]:
    """Return the shipped times: suite to model to method to seconds, and each suite's ``basis``."""
    return tomllib.loads(TIMES.read_text(encoding="utf-8"))
