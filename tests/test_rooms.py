"""The floor plan: arrows between rooms point one way, nothing goes in a circle, and everything can be read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pytest

REPOSITORY = Path(__file__).parents[1]
BENCH = REPOSITORY / "bench"
PLUGINS = ("methods", "models", "classifiers", "datasets", "metrics")
# A room may import itself and every room of a lower floor.
FLOORS = (
    ("errors", "hookspecs"),
    ("core",),
    ("api",),
    ("toolkit", "registry"),
    PLUGINS,
    ("workspace", "authoring"),
    ("feedback", "evaluation"),
    ("experiments",),
    ("report",),
    ("library", "cli"),
    ("",),  # bench/__init__.py
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package, by its dotted name in the wheel."""
    found = {}
    for folder in (BENCH, *(REPOSITORY / kind for kind in PLUGINS if (REPOSITORY / kind).is_dir())):
        for path in folder.rglob("*.py"):
            parts = list(path.relative_to(REPOSITORY).with_suffix("").parts)
            parts = parts if parts[0] == "bench" else ["bench", *parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def imports(name: str, *, lazy: bool) -> Iterator[str]:
    """Yield the modules of ours that a module imports; ``lazy``: inside functions too."""
    path = modules()[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree_of(path)) if lazy else _at_module_level(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield from [target for target in (inner, base) if target in modules()][:1]


def _at_module_level(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _at_module_level(child)


def test_every_room_has_a_floor():
    assert {room_of(name) for name in modules()} == set(FLOOR)


def test_every_arrow_points_down():
    against = [
        f"{name} imports {target}"
        for name in modules()
        for target in imports(name, lazy=True)
        if room_of(name) != room_of(target) and FLOOR[room_of(target)] >= FLOOR[room_of(name)]
    ]
    assert against == []


@pytest.mark.parametrize(
    "floors",
    [
        ("workspace.settings", "workspace.weights", "workspace.store"),
        ("experiments.cells", "experiments.planning", "experiments.execution"),
        ("experiments.cells", "experiments.stages", "experiments.execution"),
        ("report.comparing", "report.tables"),
        ("report.tables", "report.page"),
        ("report.terminal", "report.figures"),
    ],
    ids=" < ".join,
)
def test_every_arrow_within_a_room_points_down(floors: tuple[str, ...]):
    """A folder of a room imports no folder that stands after it."""
    prefixes = [f"bench.{floor}." for floor in floors]
    against = [
        f"{name} imports {target}"
        for name in modules()
        for target in imports(name, lazy=True)
        for floor, prefix in enumerate(prefixes)
        if name.startswith(prefix) and target.startswith(tuple(prefixes[floor + 1 :]))
    ]
    assert against == []


def test_no_folder_is_crowded():
    """Twenty files at most are found at a glance; older folders may only shrink."""
    older = {"core": 29, "toolkit": 26, "cli": 24}
    crowded = {
        str(folder.relative_to(BENCH)): count
        for folder in BENCH.rglob("*/")
        if (count := len(list(folder.glob("*.py")))) > older.get(str(folder.relative_to(BENCH)), 20)
    }
    assert crowded == {}


def test_authoring_stands_on_the_toolkit():
    found = {
        room_of(target) for name in modules() if room_of(name) == "authoring" for target in imports(name, lazy=True)
    }
    assert found <= {"authoring", "core", "errors", "hookspecs", "api", "toolkit", "registry"}


def test_nothing_goes_in_a_circle():
    """At module level, type hints included."""
    targets = {name: {target for target in imports(name, lazy=False) if target != name} for name in modules()}

    def reached(name: str) -> set[str]:
        found, waiting = set(), [name]
        while waiting:
            new = targets[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    assert {name for name in targets if name in reached(name)} == set()


def test_the_first_look_is_short():
    inside = [path for path in BENCH.iterdir() if path.name != "__pycache__"]
    assert sum(path.is_dir() for path in inside) <= 16
    assert sorted(path.name for path in inside if path.is_file()) == [
        "__init__.py", "errors.py", "hookspecs.py", "registry.py",
    ]  # fmt: skip


def too_long() -> Iterator[str]:
    """Yield modules over 300 lines, classes over 200 and functions over 60, docstrings included."""
    for name, path in modules().items():
        if len(path.read_text(encoding="utf-8").splitlines()) > 300:
            yield name
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef) and _lines(node) > 200:
                yield f"{name}.{node.name}"
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _lines(node) > 60:
                yield f"{name}.{node.name}"


def _lines(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_everything_can_be_read():
    assert list(too_long()) == []
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in modules().values()]
    assert median(lengths) <= 130


def test_a_method_is_read_on_two_screens():
    lines = {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in modules().items()
        if room_of(name) == "methods"
    }
    assert len(lines) > 20
    assert {name for name, count in lines.items() if count > 150} == set(), "what others could use is bench.toolkit's"


@pytest.mark.parametrize("name", ["bench.core.randomness", "bench.datasets.synthfaces.renderer", "bench.models.vae"])
def test_the_modules_are_found(name):
    assert name in modules()
    assert any(imports(name, lazy=True)) or name == "bench.core.randomness"
