"""Locate the code that a module imports: in the engine, in the module's own package, or elsewhere on this machine.

Installed packages and the standard library do not count; what is installed is in a record's provenance.
"""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.core.code_modules import Module, Place, module_at
from bench.core.old_paths import MOVED

ENGINE = Place("bench", Path(__file__).parents[1])
SIBLINGS = ("methods", "classifiers", "datasets")  # next to bench/ in a checkout, inside it in the wheel
INSTALLED = ("site-packages", "dist-packages")


def place_of(name: str, path: Path) -> Place:
    """Return where a loaded module belongs.

    Parameters
    ----------
    name : str
        Its dotted name.
    path : Path
        Its file.
    """
    top, depth = name.partition(".")[0], name.count(".") + (path.stem == "__init__")
    if top == "bench":
        return ENGINE
    folder = path.parents[depth - 1] if depth else path.parent  # of the package, or around the single file
    around = (folder.parent if depth else folder).resolve()
    neighbours = () if is_installed(path) else tuple(dict.fromkeys((around, Path.cwd())))
    return Place(top if depth else "", folder, neighbours, whole=True)


def module_named(name: str, place: Place) -> Module | None:
    """Return a module by the name that a file of ``place`` imports it by; None for an installed one."""
    name = MOVED.get(name, name)
    top, *rest = name.split(".")
    if top == "bench":
        folder = ENGINE.folder.joinpath(*rest)
        if rest and rest[0] in SIBLINGS and not (ENGINE.folder / rest[0]).is_dir():
            folder = ENGINE.folder.parent.joinpath(*rest)
        return _in_folder(folder, name, ENGINE)
    if top == place.package and (own := _in_folder(place.folder.joinpath(*rest), name, place)) is not None:
        return own
    if not place.whole:
        return None
    for stem in _stems(top, place):
        found = _in_folder(stem.joinpath(*rest), name, Place(top, stem, place.neighbours, whole=True))
        if found is not None and not is_installed(found.path):
            return found
    return None


def _stems(top: str, place: Place) -> Iterator[Path]:
    """Yield where a top-level module may be, without its suffix, as Python looks for it."""
    try:
        spec = getattr(sys.modules.get(top), "__spec__", None) or find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:  # not there, or on a path that is added later
        yield from (folder / top for folder in place.neighbours)
    elif spec.submodule_search_locations is not None:
        yield from map(Path, spec.submodule_search_locations)
    elif spec.has_location and spec.origin:
        yield Path(spec.origin).parent / top


def is_installed(path: Path) -> bool:
    """Say whether a file belongs to an installed package or to the standard library."""
    inside = path.resolve()
    return any(part in INSTALLED for part in inside.parts) or any(inside.is_relative_to(s) for s in _standard())


@cache
def _standard() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple(Path(paths[name]).resolve() for name in ("stdlib", "platstdlib"))


def _in_folder(stem: Path, name: str, place: Place) -> Module | None:
    files = (stem.with_name(f"{stem.name}.py"), stem / "__init__.py")
    compiled = (stem.with_name(f"{stem.name}{suffix}") for suffix in EXTENSION_SUFFIXES if place.whole)
    for path in (*files, *compiled):
        if path.is_file():
            return module_at(path, name, place)
    return None


def all_modules(place: Place) -> Iterator[Module]:
    """Yield all that a module of ``place`` may import by a computed name: its package, its folder, and ``./*.py``."""
    deep = dict.fromkeys((place.folder, *place.neighbours[:1]))
    for folder in dict.fromkeys((*deep, *place.neighbours)):
        for path in _python_files(folder, folder in deep):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            yield module_at(path, name or place.package, place)


def _python_files(folder: Path, deep: bool) -> Iterator[Path]:
    for root, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if deep and not name.startswith(".") and name not in INSTALLED)
        yield from (Path(root, name) for name in sorted(files) if name.endswith(".py") and Path(root, name).is_file())


def loaded_module(root: Any) -> tuple[str, Path]:
    """Return the name and the file of the module in which a class or function is defined, or of a module itself."""
    if isinstance(root, ModuleType):
        return root.__name__, Path(root.__file__ or "")
    inside = vars(root).values() if inspect.isclass(root) else (root,)
    functions = (inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value)) for value in inside)
    written = [f.__code__.co_filename for f in functions if inspect.isfunction(f) and f.__module__ == root.__module__]
    # a class itself knows only its module's name, which another folder's plug-in may have taken over
    file = next((name for name in written if Path(name).is_file()), None)
    return root.__module__, Path(file or inspect.getsourcefile(root) or "")
