"""Where plug-ins are: built-in folders, entry points of installed packages, loose files. Nothing is imported here."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from bench.core import modes
from bench.errors import PluginError, shown
from bench.hookspecs import KINDS, Kind

PACKAGE = "__init__.py"
NOT_PARSED = (SyntaxError, ValueError, RecursionError, MemoryError)  # of deep nesting, the last two
BENCH = Path(__file__).parents[1]


@dataclass(frozen=True)
class Source:
    """Where to find a plug-in of one kind, before it is imported."""

    kind: Kind
    name: str
    origin: str  # "built-in", "package NAME", or the loose file's path
    path: Path | None
    module: str | None = None
    entry_point: EntryPoint | None = None

    @property
    def summary(self) -> str:
        """First line of the module's docstring."""
        return _docstring(self.path) if self.path else ""

    @property
    def sha256(self) -> str | None:
        """The sha256 of its file; of a package, that of the names and bytes of all its Python files."""
        if self.path is None or not self.path.is_file():
            return None
        if self.path.name != PACKAGE:
            return sha256(self.path.read_bytes()).hexdigest()
        digest, folder = sha256(), self.path.parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(folder).as_posix()}\n".encode() + sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def load(self) -> ModuleType:
        """Import the module that holds the plug-in; what that switches in torch is put back."""
        with modes.kept():
            return self._loaded()

    def _loaded(self) -> ModuleType:
        if self.entry_point is not None:
            loaded = self.entry_point.load()
            if not isinstance(loaded, ModuleType):
                raise PluginError(f"{self.origin}: entry point '{self.name}' must name a module, not {loaded!r}")
            return loaded
        if self.module is not None:
            return importlib.import_module(self.module)
        assert self.path is not None
        return _import_file(self.path, f"bench_plugin_{self.name}")


def find(folders: Sequence[Path], files: tuple[Path, ...]) -> list[Source]:
    """Return every plug-in by kind, name and origin, duplicates included.

    Parameters
    ----------
    folders : sequence of Path
        Folders of loose plug-ins.
    files : tuple of Path
        Single loose files.
    """
    found = [*_built_in(), *_installed(), *_loose(folders, files)]
    return sorted(found, key=lambda source: (KINDS.index(source.kind), source.name, source.origin))


def _import_file(path: Path, name: str) -> ModuleType:
    """Import a loose plug-in, which can import modules from its folder and from the current one."""
    package = path.name == PACKAGE
    own = path.parent.parent if package else path.parent
    locations = [str(path.parent)] if package else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=locations)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # appended last, so that no installed package is shadowed
    sys.path += [str(folder) for folder in (own.resolve(), Path.cwd()) if str(folder) not in sys.path]
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _built_in() -> Iterator[Source]:
    for folder in dict.fromkeys(kind.folder for kind in KINDS):
        place = BENCH / folder if (BENCH / folder).is_dir() else BENCH.parent / folder
        for name, path in _plugins_in(place):
            for kind in _kinds_in(path, folder):
                yield Source(kind, name, "built-in", path, module=f"bench.{folder}.{name}")


def _installed() -> Iterator[Source]:
    everything = entry_points()  # reads the metadata of every installed package: 10 ms
    for kind in KINDS:
        for point in everything.select(group=kind.group):
            package = point.dist.name if point.dist else point.module
            yield Source(kind, point.name, f"package {package}", _file_of(point), entry_point=point)


def shadowed(path: Path, others: Sequence[Path]) -> tuple[Path, Path] | None:
    """Return a helper next to a loose plug-in that it imports, and one of the same name in another folder."""
    folder = path.parent.parent if path.name == PACKAGE else path.parent
    try:
        nodes = [*ast.walk(ast.parse(path.read_bytes()))] if others else []
    except (*NOT_PARSED, OSError):
        return None  # its import says so
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    for stem in sorted({name.partition(".")[0] for name in names}):
        here, *elsewhere = ([each / f"{stem}.py", each / stem / PACKAGE] for each in (folder, *others))
        own = [file for file in here if file.is_file()]
        theirs = [file for files in elsewhere for file in files if file.is_file()]
        if own and theirs:
            return own[0], theirs[0]
    return None


def _loose(folders: Sequence[Path], files: tuple[Path, ...]) -> Iterator[Source]:
    found = {path: name for folder in folders if folder.is_dir() for name, path in _plugins_in(folder)}
    found |= {path: _name_of(path) for path in files if not _name_of(path).startswith("_")}
    for path, name in found.items():
        for kind in _hooks_in(path):
            yield Source(kind, name, str(path), path)


def _plugins_in(folder: Path) -> list[tuple[str, Path]]:
    """Return the plug-ins of a folder by name, sorted: files, and packages by their ``__init__.py``."""
    paths = [*folder.glob("*.py"), *folder.glob(f"*/{PACKAGE}")]
    return sorted((_name_of(path), path) for path in paths if _is_plugin(path))


def _is_plugin(path: Path) -> bool:
    """Tell plug-ins from helpers, and from what other programs leave: "._x.py", ".#x.py", checkpoints, pipes.

    A link that leads nowhere is one: it is listed as broken.
    """
    return not _name_of(path).startswith(("_", ".")) and (path.is_file() or not path.exists())


def _name_of(path: Path) -> str:
    return path.parent.name if path.name == PACKAGE else path.stem


def _kinds_in(path: Path, folder: str) -> list[Kind]:
    """Return the kinds that a file of a built-in folder registers; it is read only if the folder has several kinds."""
    candidates = [kind for kind in KINDS if kind.folder == folder]
    if len(candidates) == 1:
        return candidates
    return [kind for kind in _hooks_in(path) if kind in candidates] or candidates[:1]


def _hooks_in(path: Path) -> list[Kind]:
    """Return the kinds that a file registers; a file that does not parse is kept and listed as broken."""
    try:
        content = path.read_bytes()
    except OSError:
        return [KINDS[0]]
    try:
        functions = [node for node in ast.parse(content).body if isinstance(node, ast.FunctionDef)]
    except NOT_PARSED:
        text = content.decode(errors="replace")
        return [kind for kind in KINDS if f"def {kind.hook}(" in text] or [KINDS[0]]
    names = {function.name for function in functions}
    return [kind for kind in KINDS if kind.hook in names] or _misspelt(functions)


def _misspelt(functions: Sequence[ast.FunctionDef]) -> list[Kind]:
    """Return the kind that a file without a hook seems to mean: by one that is marked or named in the singular."""
    hooks = {kind.hook: kind for kind in KINDS}
    for function in functions:
        if any(ast.unparse(each).rpartition(".")[2] == "hookimpl" for each in function.decorator_list):
            near = get_close_matches(function.name, hooks, n=1, cutoff=0.5)
            return [hooks[near[0]] if near else KINDS[0]]
        if f"{function.name}s" in hooks:
            return [hooks[f"{function.name}s"]]
    return []


def _file_of(point: EntryPoint) -> Path | None:
    """Return the file of an entry point's module without importing any parent package."""
    tail = point.module.replace(".", "/")
    for file in (point.dist.files if point.dist else None) or []:
        if str(file) in (f"{tail}.py", f"{tail}/__init__.py"):
            return Path(str(file.locate()))
    return None


def _docstring(path: Path) -> str:
    try:
        text = ast.get_docstring(ast.parse(path.read_bytes()))
    except (*NOT_PARSED, OSError) as error:
        return f"(not readable: {shown(str(error)) or type(error).__name__})"
    return text.strip().splitlines()[0] if text else ""
