"""What is run, what is stored, what is missing, and how long it should take."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from bench.errors import BenchError, CheckpointError
from bench.evaluation.references import has_references
from bench.experiments.cell import Cell, Run
from bench.workspace import manifest
from bench.workspace.store import Record
from bench.workspace.suites import ModelSettings
from bench.workspace.workspace import Workspace

TIMES = Path(__file__).parent / "expected_times.toml"

Overwrite = Literal["never", "failed", "always"]


@dataclass(frozen=True)
class Planned:
    """One cell of a plan."""

    run: Run
    action: Literal["run", "skip", "cached", "resume"]
    why: str
    seconds: float | None = None
    basis: str = ""


def plan(found: Iterable[Cell], workspace: Workspace, overwrite: Overwrite) -> list[Planned]:
    """Say for each cell whether it is cached, resumed or run, why, and how long it should take."""
    past, trained = completed(workspace), set[str]()
    return [planned(Run(cell, workspace), past, overwrite, trained) for cell in found]


def planned(run: Run, past: Sequence[Record], overwrite: Overwrite, trained: set[str]) -> Planned:
    """Plan one cell of a plan.

    Parameters
    ----------
    run : Run
    past : sequence of Record
        Of ``completed``.
    overwrite : {"never", "failed", "always"}
    trained : set of str
        Keys of the unlearning stages of the cells before it, which this one may share; its own is added.
    """
    store = run.workspace.store
    record = store.read(run.folder)
    if record is not None and (overwrite == "never" or (record.status in ("ok", "skipped") and overwrite != "always")):
        return Planned(run, "cached", f"stored with status {record.status}", 0.0, "stored")
    if (reason := run.declined()) is not None:
        return Planned(run, "skip", reason, 0.0, "nothing to do")
    seconds, basis = expected(run.cell, past)
    stage = store.stage("unlearn", run.keys.unlearn)
    done = run.keys.unlearn in trained or (overwrite != "always" and (stage / "unlearned.safetensors").exists())
    if done and run.cell.method != "original":
        seconds, basis = expected(replace(run.cell, method="original"), past)
        basis = f"evaluation alone, its training is another cell's or done; {basis}"
    trained.add(run.keys.unlearn)
    if (stage / "checkpoint.pt").exists():
        return Planned(run, "resume", "has a checkpoint", seconds, basis)
    why = "no stored result" if record is None else f"stored with status {record.status}"
    return Planned(run, "run", why, seconds, basis)


def lacking(cells: Sequence[Cell], workspace: Workspace, suite: str, *, but: str = "") -> list[list[str]]:
    """Say for each cell what has to be made or fetched before it can run, with the command or place; usually nothing.

    Parameters
    ----------
    cells : sequence of Cell
        Whose weights may be but named (``grid.cells``).
    workspace : Workspace
    suite : str
        As typed: a name, or a file.
    but : str
        What not to look for: "weights".
    """
    known: dict[str, str | None] = {}  # what cells share is looked at once

    def problem(name: str, look: Callable[[], Any]) -> str | None:
        if name not in known:
            try:
                look()
                known[name] = None
            except BenchError as error:
                known[name] = str(error)
        return known[name]

    return [
        [
            text
            for (kind, *name), look in _parts(cell, workspace, suite).items()
            if kind != but and (text := problem(" ".join((kind, *name)), look)) is not None
        ]
        for cell in cells
    ]


def _parts(cell: Cell, workspace: Workspace, suite: str) -> dict[tuple[str, ...], Callable[[], Any]]:
    """Return what a cell is made of, by kind and name, and how to look whether it is there."""
    settings = cell.settings
    dataset = workspace.dataset(settings.dataset)
    parts: dict[tuple[str, ...], Callable[[], Any]] = {
        ("weights", cell.model, cell.weights): partial(require_weights, cell.model, cell.weights, settings, suite)
    }
    parts |= {("extractor", x): partial(workspace.extractor, x) for x in settings.evaluation.extractors or ()}
    if dataset.classifier is not None:
        parts["oracles", settings.dataset, str(settings.oracle)] = partial(
            workspace.oracles, settings.dataset, settings.oracle
        )
        if _reads_images(cell, workspace):
            parts["training images", settings.dataset] = partial(dataset.split, dataset.training_split)
    return parts


def _reads_images(cell: Cell, workspace: Workspace) -> bool:
    """Say whether the method, or what is still to be made (weights, statistics), reads the data set's images."""
    extractors = cell.settings.evaluation.extractors or ()
    return (
        "training_data" in workspace.registry.get("methods", cell.method, "--method").needs
        or is_to_be_trained(cell)
        or not all(has_references(workspace, cell.settings.dataset, x) for x in extractors)
    )


def is_to_be_trained(cell: Cell) -> bool:
    """Say whether a cell's generator is still to be trained, its suite naming no weights."""
    return cell.settings.weights is None and cell.weights not in manifest.entries() and not Path(cell.weights).exists()


def require_weights(model: str, weights: str, settings: ModelSettings, suite: str) -> None:
    """Raise CheckpointError, with what to type, unless a model's weights are there."""
    trained_by = f"--model {model} --dataset {settings.dataset}{'' if suite == 'lite' else f' --suite {suite}'}"
    if weights == settings.weights:
        manifest.require(weights, f"--model {model}", trained_by, "--weights FILE")
    elif weights not in manifest.entries() and not Path(weights).exists():
        raise CheckpointError(
            f"--model {model}: has no weights yet. Train it (bench pretrain {trained_by}; `bench run` does so by "
            "itself) or name some (--weights FILE)."
        )


def completed(workspace: Workspace) -> list[Record]:
    """Return the records that times are estimated from."""
    return [record for _, record in workspace.store.records() if record.status == "ok"]


def expected(cell: Cell, past: Sequence[Record]) -> tuple[float | None, str]:
    """Estimate a cell's wall time in seconds, and say from what.

    From stored cells of the same suite, method and model; before there are any, from ``expected_times.toml``.
    """
    same = [r for r in past if (r.suite, r.method, r.model) == (cell.suite, cell.method, cell.model)]
    if same:
        totals = sorted(sum(t["seconds"] for t in r.timings.values()) for r in same)
        return totals[len(totals) // 2], "median of the stored cells of this method and model"
    return _shipped_time(cell, cell.method) or (None, "no stored cell of this method and model")


def expected_training(cell: Cell) -> tuple[float | None, str]:
    """Estimate the time in seconds of training a cell's generator, and say from what."""
    return _shipped_time(cell, "pretrain") or (None, "never measured")


def _shipped_time(cell: Cell, what: str) -> tuple[float, str] | None:
    suite = measured_elsewhere().get(cell.suite, {})
    seconds = suite.get(cell.model, {}).get(what)
    return None if seconds is None else (float(seconds), suite["basis"])


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it: "40 s", "12 min", "7.5 h", "3.2 days"."""
    for unit, length in (("days", 86400), ("h", 3600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def summary(count: int, waiting: int, times: Sequence[float | None]) -> str:
    """Say in one line how many cells there are, how many are to run, and for how long.

    Parameters
    ----------
    count, waiting : int
        Cells, and those of them that are to run.
    times : sequence of float or None
        What is expected of each of those, and of each training before them, in seconds.
    """
    known = [seconds for seconds in times if seconds is not None]
    unknown = f" and {len(times) - len(known)} of unknown time" if len(known) < len(times) else ""
    time = f"about {duration(sum(known))}{unknown}" if known else "time unknown until the first is done"
    return f"{count} cells, {count - waiting} stored, {waiting} to run{f'; {time}' if waiting else ''}"


@cache
def measured_elsewhere() -> dict[str, Any]:
    """Return the shipped times: suite to model to method to seconds, and each suite's ``basis``."""
    return tomllib.loads(TIMES.read_text(encoding="utf-8"))
