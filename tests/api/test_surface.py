"""Plug-ins import ``bench.api`` and ``bench.toolkit``, and nothing else of ours: built-ins, templates, the example."""

from __future__ import annotations

import ast
import pydoc
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import api

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("methods", "classifiers", "datasets", "bench/models", "bench/metrics")
PLUGINS = [
    *(path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.py"))),
    *sorted((REPOSITORY / "bench" / "authoring" / "templates").glob("*.txt")),
    REPOSITORY / "examples" / "my_generator.py",
]


OFFERED: list[str] = next(  # what type checkers see; at run time it would fill help(bench.api)
    ast.literal_eval(node.value)
    for node in ast.walk(ast.parse(Path(api.__file__).read_text(encoding="utf-8")))
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
)


def trespasses(code: str, depth: int = 0) -> Iterator[str]:
    """Yield what a plug-in imports of ours outside the surface; ``depth`` counts the packages it lies in."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "bench" and not _is_surface(alias.name):
                    yield f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.level > depth:
            yield f"a relative import that leaves the folder of its kind, line {node.lineno}"
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "bench":
            for alias in node.names:
                offered = node.module != "bench.api" or alias.name in OFFERED
                if not (_is_surface(node.module or "") and offered):
                    yield f"from {node.module} import {alias.name}"


def _is_surface(module: str) -> bool:
    return module == "bench.api" or module.startswith("bench.toolkit.")


def depth_of(path: Path) -> int:
    """Return how far up a plug-in's relative imports may go: to the folder of its kind."""
    kinds = [REPOSITORY / folder for folder in FOLDERS]
    return next((len(path.relative_to(kind).parts) for kind in kinds if path.is_relative_to(kind)), 0)


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_plug_in_imports_the_surface_alone(path: Path) -> None:
    assert list(trespasses(path.read_text(encoding="utf-8"), depth_of(path))) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from bench.api import Method, hookimpl\nfrom bench.toolkit.latent import Direction\nimport torch", 0),
        ("from bench.api.models import Generator", 1),
        ("from bench.api import api", 1),
        ("from bench import api", 1),
        ("def f():\n    from bench.core.files import write_bytes", 1),
        ("import bench.workspace.store.store as s", 1),
        ("import bench", 1),
        ("from .parts import x", 0),
        ("from ..methods import ours", 1),
    ],
)
def test_a_trespass_is_seen(code: str, found: int) -> None:
    assert len(list(trespasses(code, depth=1))) == found


def test_everything_offered_is_there() -> None:
    assert [name for name in OFFERED if not hasattr(api, name)] == []
    assert len(OFFERED) == len(set(OFFERED)) > 40


def test_everything_offered_is_in_the_overview() -> None:
    words = set(re.findall(r"\w+", api.__doc__ or ""))
    assert [name for name in OFFERED if name not in words] == []


def test_help_is_the_overview_without_the_members_of_other_libraries() -> None:
    """It had 4,540 lines."""
    text = pydoc.plain(pydoc.render_doc(api))
    assert len(text.splitlines()) < 100 and "state_dict" not in text and "model_dump" not in text
    assert [name for name in OFFERED if name not in text] == []
