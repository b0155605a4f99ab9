"""Labels for cells and records of one name: the parameters and settings in which they differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.experiments.cells.cell import Cell
from bench.report import inputs
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.settings.values import assignments
from bench.workspace.store.record import Record

# Of no single cell, in its parameters, or what the suite names where the cell itself says what ran.
SEPARATE = ("features", "methods", "student", "weights")


def of_cells(cells: Sequence[Cell]) -> list[str]:
    """Return each cell's parameters as ``-p`` takes them, with the settings that cells of the same name differ in."""
    params = [" ".join(cell.changed) for cell in cells]
    names = [(cell.readable, text) for cell, text in zip(cells, params, strict=True)]
    flat = {id(cell.settings): _flat(cell.settings) for cell in {id(cell.settings): cell for cell in cells}.values()}
    settings = differing(names, [flat[id(cell.settings)] | _began_with(cell) for cell in cells])
    return [" ".join(filter(None, pair)) for pair in zip(params, settings, strict=True)]


def of_records(records: Sequence[Record]) -> list[str]:
    """Return the parameters and settings in which each record differs from the others of its kind.

    Weights and clicks are named where a place has several (``inputs.py``). Two of one seed that differ in none of these
    were made by different code, or from a file of clicks that has changed since: they are told apart by the commit and
    by a hash of the clicks.
    """
    kinds = [(record.method, record.model, record.feature) for record in records]
    params = differing(kinds, [record.told_apart_by for record in records])
    began = [" ".join(assignments(named)) for named in inputs.of_records(records)]
    names = [(*kind, record.seed, text) for kind, record, text in zip(kinds, records, params, strict=True)]
    settings = differing(names, [_flat(record.provenance.settings) for record in records])
    same = [(*name, *texts) for name, *texts in zip(names, began, settings, strict=True)]
    others = differing(same, [_made_by(record) for record in records])
    return [" ".join(filter(None, texts)) for texts in zip(params, began, settings, others, strict=True)]


def differing(groups: Sequence[Any], fields: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return for each mapping the fields that are not the same in all mappings of its group, as name=value."""
    members: dict[Any, list[Mapping[str, Any]]] = {}
    for group, each in zip(groups, fields, strict=True):
        members.setdefault(group, []).append(each)
    varied = {group: _varied(alike) for group, alike in members.items()}
    own = [(varied[group], each) for group, each in zip(groups, fields, strict=True)]
    return [" ".join(assignments({n: each[n] for n in each if n in names})) if names else "" for names, each in own]


def _varied(alike: Iterable[Mapping[str, Any]]) -> set[str]:
    first, *others = alike
    return {n for each in others for n in {*each, *first} if each.get(n) != first.get(n)}


def _began_with(cell: Cell) -> dict[str, Any]:
    """Return the weights and clicks of a cell that has not run: those of ``--weights`` win over the suite's."""
    file = cell.feedback_file
    return {"weights": cell.weights} | ({} if file is None else {"feedback": str(file)})


def _made_by(record: Record) -> dict[str, str]:
    """Return the commit, and a hash of the clicks if they are from a file: it may have other content by now."""
    commit = {"commit": (record.provenance.machine.git_commit or "")[:7]}
    clicks = {"clicks": record.provenance.stages.feedback[:8]}
    return commit if record.provenance.feedback_file is None else commit | clicks


def _flat(settings: ModelSettings) -> dict[str, Any]:
    """Return settings by path, as ``--set`` takes them."""
    found: dict[str, Any] = {}
    for name, value in settings.model_dump(mode="json", exclude=set(SEPARATE)).items():
        inner = value.items() if isinstance(value, dict) and name != "pretrain" else None
        found |= {name: value} if inner is None else {f"{name}.{key}": each for key, each in inner}
    return found
