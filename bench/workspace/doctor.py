"""``bench doctor``: what is available, and whether it is intact."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.core import machine, resuming
from bench.core.durations import number_of
from bench.errors import BenchError, CheckpointError, DataError, WrongData, first_sentence
from bench.workspace import manifest
from bench.workspace.store import seals
from bench.workspace.store.record import Record
from bench.workspace.store.store import Store
from bench.workspace.store.travelling import fault_of
from bench.workspace.weights import checkpoint
from bench.workspace.workspace import Workspace


def examine(workspace: Workspace, verify: bool) -> tuple[list[str], bool]:
    """Return a report, and whether all is well; a missing data set is no problem, but a wrong one is.

    Parameters
    ----------
    workspace : Workspace
    verify : bool
        Also read every shipped file, both splits of every data set, all that is stored, and compare their sha256.
    """
    lines = [json.dumps(machine.provenance(workspace.device), indent=2)]
    problems: list[str] = []
    for name in workspace.registry.names("datasets"):
        line, wrong = _dataset(workspace, name, verify)
        lines += line
        problems += wrong
    problems += [f"plug-in {kind}/{name}: {reason}" for (kind, name), reason in workspace.registry.problems().items()]
    shipped = _shipped(problems)
    lines.append(f"weights: {len(shipped)} shipped files in {manifest.WEIGHTS}")
    records, unreadable = workspace.store.survey()
    lines.append(f"results: {number_of(len(records), 'stored cell')} in {workspace.store.root}")
    problems += [f"{path}: {reason}" for path, reason in unreadable]
    if verify:
        problems += [*_damaged(shipped), *_stored(workspace.store, records)]
        lines.append("verified the shipped files, the stored cells and stages, and what was made next to them")
    return [*lines, *(f"PROBLEM: {problem}" for problem in problems)], not problems


def _dataset(workspace: Workspace, name: str, verify: bool) -> tuple[list[str], list[str]]:
    """Return a line about a data set, and what is wrong with it."""
    try:
        dataset = workspace.dataset(name)
        if dataset.classifier is None:
            return [], []  # it has no images
        count = len(dataset.split(dataset.training_split))
        if verify:
            dataset.split("train")
            dataset.split("test")
    except WrongData as error:
        return [], [f"data set {name}: {first_sentence(error)}"]
    except DataError as error:
        return [f"data set {name}: not available. {first_sentence(error)}"], []
    except BenchError as error:
        return [f"data set {name}: {first_sentence(error)}"], []
    return [f"data set {name}: {count} training images"], []


def _shipped(problems: list[str]) -> list[str]:
    """Return the names of the shipped files; none if their list is damaged, which is a problem."""
    try:
        return list(manifest.entries())
    except CheckpointError as error:
        problems.append(str(error))
        return []


def _damaged(shipped: Iterable[str]) -> Iterator[str]:
    for name in shipped:
        try:
            checkpoint.read(manifest.path_of(name))
        except CheckpointError as error:
            yield str(error)


def _stored(store: Store, records: Iterable[tuple[Path, Record]]) -> Iterator[str]:
    """Yield what is wrong with the files of cells and stages, and with what is made once for all of them."""
    for folder, record in records:
        for kind, artefact in record.artefacts.items():
            fault = fault_of(folder / artefact.file, kind, artefact)
            if fault is not None:
                yield fault
    yield from damaged_stages(store)
    for path in store.made_once():
        try:
            checkpoint.read(path)
        except CheckpointError as error:
            yield str(error)


def damaged_stages(store: Store) -> Iterator[str]:
    """Yield what is wrong with what cells share, which is made again."""
    for folder in store.stages():
        if (fault := seals.fault_of(folder)) is not None:
            yield f"{fault}. The next cell that needs it makes it again"
    for path in store.kept_looks():
        try:
            resuming.load(path)
        except resuming.Unusable as error:
            yield f"{path}: {error}. The next cell that needs it makes it again"
