"""Refuse a setting that was typed (``--set``) and that no cell of a command reads; a suite's may wait for others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.errors import UsageError, shown
from bench.experiments.cells.cell import Cell, Untyped
from bench.experiments.cells.trained_here import trains
from bench.experiments.planning import grid
from bench.toolkit.student import StudentParams
from bench.workspace.settings.plugin_fields import EXTRACTORS, Place, tables
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.settings.values import read_assignments
from bench.workspace.workspace import Workspace

TRAINED: Mapping[Place, tuple[str, str]] = {
    ("pretrain",): ("models", "generator"),
    ("oracle", "pretrain"): ("classifiers", "oracle"),
    EXTRACTORS: ("extractors", "extractor"),
}


def cells_of_one(request: grid.Request, workspace: Workspace) -> list[Cell]:
    """Resolve the only request of a command (``grid.cells``); what was typed must have an effect on its cells."""
    found = grid.cells(request, workspace)
    require_effect(request.overrides, found, workspace)
    return found


def require_effect(overrides: Sequence[str], cells: Sequence[Cell], workspace: Workspace) -> None:
    """Raise UsageError for a field of a Config that was typed, if it surely changes nothing.

    Parameters
    ----------
    overrides : sequence of str
        Settings as typed (``--set``).
    cells : sequence of Cell
        All cells of the command: it is enough if one of them reads a field.
    workspace : Workspace
    """
    typed = [tuple(path.split(".")) for path in read_assignments(overrides, "--set")]
    settings = {id(cell.settings): cell.settings for cell in cells}  # few, and many cells
    fields = dict.fromkeys(field for each in settings.values() for field in _fields(typed, each))
    wrong = [f"  {shown('.'.join(field))}: {why}" for field in fields if (why := _why_none(field, cells, workspace))]
    if wrong:
        raise UsageError(f"--set: {len(wrong)} wrong value(s)\n" + "\n".join(wrong))


def _fields(typed: Sequence[Place], settings: ModelSettings) -> Iterator[Place]:
    """Yield the fields of Configs that were typed, alone or in a table: ("methods", "ours", "epochs")."""
    for table, content in tables(settings.model_dump(exclude_unset=True)):
        for name in content:
            field = (*table, name)
            if any(path[: len(field)] == field[: len(path)] for path in typed):
                yield field


def _why_none(field: Place, cells: Sequence[Cell], workspace: Workspace) -> str:
    """Return why no cell reads a field; "" if one does, or may."""
    *table, name = field
    if table == ["student"]:
        return _why_not_shared(name, cells)
    if table[0] == "methods":
        return _why_not_its_own(table[1], name, cells)
    kind, what = TRAINED[tuple(table)]
    places = {(id(cell.settings), cell.weights): cell.place for cell in cells}
    if any(trains(kind, place, workspace) for place in places.values()):
        return ""
    return f"has no effect, since no {what} is trained for this command: the weights are given"


def _why_not_its_own(method: str, name: str, cells: Sequence[Cell]) -> str:
    own = [cell for cell in cells if cell.method == method]
    if not own:
        ran = ", ".join(dict.fromkeys(cell.method for cell in cells))
        return f"has no effect, since this command does not run '{shown(method)}' but {ran}"
    return f"has no effect, since -p {name} wins. Leave one out" if all(name in cell.named for cell in own) else ""


def _why_not_shared(name: str, cells: Sequence[Cell]) -> str:
    methods = ", ".join(dict.fromkeys(cell.method for cell in cells))
    kinds = {cell.method: type(cell.params) for cell in cells}
    sharing = {method for method, kind in kinds.items() if kind is Untyped or issubclass(kind, StudentParams)}
    if not sharing:
        own = [method for method, kind in kinds.items() if name in kind.model_fields]
        instead = f". To set its own field: --set methods.{own[0]}.{name}=..." if own else ""
        return f"has no effect, since this command runs {methods}, without the fields of StudentParams{instead}"
    read = [cell for cell in cells if cell.method in sharing]
    if any(name not in cell.named and name not in cell.settings.methods.get(cell.method, {}) for cell in read):
        return ""
    return f"has no effect, since a method's own value wins (-p {name}, or methods.NAME.{name}, perhaps of the suite)"
