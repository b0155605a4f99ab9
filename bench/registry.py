"""Finds plug-ins: built-in folders, entry points of installed packages, and the ``--plugins`` folder.

A plug-in is a file, or a package (a folder with ``__init__.py``) when its body is long; the file's stem, or the
folder's name, is the registered name. A name that starts with ``_`` is not a plug-in. Finding is cheap (file names,
entry-point names, docstrings read with ``ast``) and imports nothing, so one broken plug-in blocks nobody else. A
plug-in is imported when its name is asked for.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from bench import hookspecs
from bench.errors import PluginError, UsageError, unknown

KINDS = ("methods", "models", "classifiers", "datasets", "metrics")
PACKAGE = "__init__.py"


@dataclass(frozen=True)
class Source:
    """Where a plug-in of one kind is to be found, before it is imported."""

    kind: str
    name: str
    origin: str  # "built-in", "package NAME", or the loose file's path
    path: Path | None
    module: str | None = None
    entry_point: EntryPoint | None = None

    @property
    def summary(self) -> str:
        """First line of the module's docstring."""
        return _docstring(self.path) if self.path else ""

    def load(self) -> ModuleType:
        """Import the module that holds the plug-in; a loose one finds modules beside it and where one stands."""
        if self.entry_point is not None:
            return _as_module(self.entry_point.load(), self)
        if self.module is not None:
            return importlib.import_module(self.module)
        assert self.path is not None
        name, package = f"bench_plugin_{self.name}", self.path.name == PACKAGE
        beside = self.path.parent.parent if package else self.path.parent
        spec = importlib.util.spec_from_file_location(
            name, self.path, submodule_search_locations=[str(self.path.parent)] if package else None
        )
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        # appended last, so that no installed package is shadowed
        sys.path += [str(folder) for folder in (beside.resolve(), Path.cwd()) if str(folder) not in sys.path]
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


@dataclass(frozen=True)
class Plugin:
    """A plug-in that was imported and keeps the contract's outward form."""

    source: Source
    cls: type[Any]

    @property
    def name(self) -> str:
        """The registered name."""
        return self.source.name


class Registry:
    """All plug-ins this run can see.

    Parameters
    ----------
    folder : Path or None
        A folder of loose plug-in files (``--plugins``).
    files : sequence of Path
        Single loose files, for ``bench check FILE``.
    """

    def __init__(self, folder: Path | None = None, files: tuple[Path, ...] = ()) -> None:
        self.folder = folder
        self.files = files
        self._loaded: dict[tuple[str, str], Plugin] = {}

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Every plug-in found, by kind and name, duplicates included."""
        found = [*_built_in(), *_installed(), *_loose(self.folder, self.files)]
        return tuple(sorted(found, key=lambda s: (KINDS.index(s.kind), s.name, s.origin)))

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, each once."""
        return sorted({source.name for source in self.sources if source.kind == kind})

    def source(self, kind: str, name: str, flag: str = "name") -> Source:
        """Return the one source of a name; raises UsageError if unknown, PluginError if there are two."""
        found = [s for s in self.sources if s.kind == kind and s.name == name]
        if not found:
            missing = unknown(kind[:-1].replace("dataset", "data set"), name, self.names(kind), flag)
            if "Did you mean" in str(missing) or self.folder is None or self.folder.is_dir():
                raise missing
            raise UsageError(f"{missing} Plug-ins of your own: --plugins DIR.")
        if len(found) > 1:
            places = " and ".join(f"{s.origin} ({s.path})" if s.path else s.origin for s in found)
            raise PluginError(f"{kind[:-1]} '{name}' is registered twice: {places}. Rename one of them.")
        return found[0]

    def get(self, kind: str, name: str, flag: str = "name") -> type[Any]:
        """Return the class registered under a name, importing only its module."""
        return self.plugin(kind, name, flag).cls

    def plugin(self, kind: str, name: str, flag: str = "name") -> Plugin:
        """Like ``get``, with the source."""
        if (kind, name) not in self._loaded:
            source = self.source(kind, name, flag)
            try:
                self._loaded[kind, name] = Plugin(source, _registered_class(source))
            except PluginError:
                raise
            except (Exception, SystemExit) as error:  # whatever a stranger's module does on import
                reason = f"{type(error).__name__}: {error}{_line_of(error, source.path)}"
                raise PluginError(f"{kind[:-1]} '{name}' ({source.origin}) cannot be loaded: {reason}") from error
        return self._loaded[kind, name]

    def problems(self) -> dict[tuple[str, str], str]:
        """Import everything; return the reason per plug-in that is broken."""
        broken: dict[tuple[str, str], str] = {}
        for source in self.sources:
            try:
                self.get(source.kind, source.name)
            except PluginError as error:
                broken[source.kind, source.name] = str(error)
        return broken


def _line_of(error: BaseException, path: Path | None) -> str:
    """Return where in a plug-in's own file an error arose, " (line N)"; nothing if not there, or if it says so."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if path is not None and Path(frame.filename).resolve() == path.resolve()]
    return f" (line {lines[-1]})" if lines and not isinstance(error, SyntaxError) else ""


def _registered_class(source: Source) -> type[Any]:
    """Import a source, call its one hook through pluggy, and check what it registers."""
    module = source.load()
    hook = f"register_{source.kind}"
    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(hookspecs)
    if not hasattr(module, hook):
        raise PluginError(f"{source.origin}: '{source.name}' has no {hook}(register) hook")
    if manager.parse_hookimpl_opts(module, hook) is None:
        raise PluginError(f"{source.origin}: {hook} of '{source.name}' is not marked with @bench.api.hookimpl")
    manager.register(module, name=source.name)
    manager.check_pending()
    classes: list[type[Any]] = []
    getattr(manager.hook, hook)(register=classes.append)
    if len(classes) != 1:
        raise PluginError(
            f"{source.origin}: {hook} of '{source.name}' registers {len(classes)} classes; one is expected"
        )
    bases = _bases(source.kind)
    if not (isinstance(classes[0], type) and issubclass(classes[0], bases)):
        allowed = " or ".join(f"bench.api.{base.__name__}" for base in bases)
        raise PluginError(
            f"{source.origin}: '{source.name}' registers {classes[0]!r}, which is no subclass of {allowed}"
        )
    missing = sorted(getattr(classes[0], "__abstractmethods__", ()))
    if missing:
        raise PluginError(f"{source.origin}: '{source.name}' does not implement {', '.join(missing)}")
    return classes[0]


def _bases(kind: str) -> tuple[type[Any], ...]:
    from bench import api

    return {
        "methods": (api.Method,),
        "models": (api.Model,),
        "classifiers": (api.Classifier, api.Extractor),
        "datasets": (api.Dataset,),
        "metrics": (api.Metric,),
    }[kind]


def _as_module(loaded: object, source: Source) -> ModuleType:
    if not isinstance(loaded, ModuleType):
        raise PluginError(f"{source.origin}: entry point '{source.name}' must name a module, not {loaded!r}")
    return loaded


def _built_in() -> Iterator[Source]:
    here = Path(__file__).parent
    for kind in KINDS:
        folder = here / kind if (here / kind).is_dir() else here.parent / kind
        for name, path in _plugins_in(folder):
            yield Source(kind, name, "built-in", path, module=f"bench.{kind}.{name}")


def _installed() -> Iterator[Source]:
    for kind in KINDS:
        for point in entry_points(group=f"bench.{kind}"):
            package = point.dist.name if point.dist else point.module
            yield Source(kind, point.name, f"package {package}", _file_of(point), entry_point=point)


def _loose(folder: Path | None, files: tuple[Path, ...]) -> Iterator[Source]:
    found = {path: name for name, path in _plugins_in(folder)} if folder and folder.is_dir() else {}
    found |= {path: _name_of(path) for path in files if not _name_of(path).startswith("_")}
    for path, name in found.items():
        for kind in _hooks_in(path):
            yield Source(kind, name, str(path), path)


def _plugins_in(folder: Path) -> list[tuple[str, Path]]:
    """Return the plug-ins of a folder by name, sorted: files, and packages by their ``__init__.py``."""
    paths = [*folder.glob("*.py"), *folder.glob(f"*/{PACKAGE}")]
    return sorted((_name_of(path), path) for path in paths if not _name_of(path).startswith("_"))


def _name_of(path: Path) -> str:
    return path.parent.name if path.name == PACKAGE else path.stem


def _hooks_in(path: Path) -> list[str]:
    """Return the kinds a loose file registers; one that does not parse is kept, to be shown broken."""
    try:
        text = path.read_bytes().decode(errors="replace")
        names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    except (SyntaxError, ValueError):
        return [kind for kind in KINDS if f"def register_{kind}(" in text] or ["methods"]
    except OSError:
        return ["methods"]
    return [kind for kind in KINDS if f"register_{kind}" in names]


def _file_of(point: EntryPoint) -> Path | None:
    """Return the file of an entry point's module without importing any parent package."""
    tail = point.module.replace(".", "/")
    for file in (point.dist.files if point.dist else None) or []:
        if str(file) in (f"{tail}.py", f"{tail}/__init__.py"):
            return Path(str(file.locate()))
    return None


def _docstring(path: Path) -> str:
    try:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    except (SyntaxError, ValueError, OSError) as error:
        return f"(cannot be read: {error})"
    return text.strip().splitlines()[0] if text else ""
