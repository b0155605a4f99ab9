"""Finds plug-ins, and imports one when its name is asked for.

A plug-in is a file, or a package (a folder with ``__init__.py``) when its body is long; the file's stem, or the
folder's name, is the registered name. A name that starts with ``_`` is not a plug-in. Finding is cheap (file names,
entry-point names, docstrings read with ``ast``) and imports nothing, so a broken plug-in stops no other.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from bench import hookspecs
from bench.core import sources
from bench.core.foreign_code import contained
from bench.core.sources import Source
from bench.errors import PluginError, UsageError, unknown
from bench.hookspecs import KINDS, Kind, kind_named


@dataclass(frozen=True)
class Plugin:
    """An imported plug-in, registered by one hook and derived from the base class of its kind."""

    source: Source
    cls: type[Any]
    module: ModuleType  # that registered it

    @property
    def name(self) -> str:
        """The registered name."""
        return self.source.name

    def code(self, *methods: str) -> tuple[Any, ...]:
        """Return the entry points of its code: the class, the methods that the engine calls; an outside plug-in's file.

        That file may do more than define the class, which it may even import.
        """
        found = (getattr(self.cls, name) for name in methods if hasattr(self.cls, name))
        return (self.cls, *found, *(() if self.source.origin == "built-in" else (self.module,)))


Trial = Callable[[Source, tuple[Path, ...], tuple[Path, ...]], None]


class Registry:
    """All plug-ins this run can see. Kinds are given by name, such as ``"methods"``.

    Parameters
    ----------
    folders : Path, sequence of Path, or None
        Folders of loose plug-in files (``--plugins``).
    files : sequence of Path
        Single loose files, for ``bench check FILE``.
    trial : callable, optional
        Called before an outside plug-in is imported; raises PluginError if that import would hang or end the process.
    """

    def __init__(
        self, folders: Path | Sequence[Path] | None = None, files: tuple[Path, ...] = (), trial: Trial | None = None
    ) -> None:
        self.folders = (folders,) if isinstance(folders, Path) else tuple(folders or ())
        self.files = files
        self._trial = trial
        self._loaded: dict[tuple[str, str], Plugin] = {}
        self._broken: dict[tuple[str, str], PluginError] = {}

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Every plug-in found, by kind and name, duplicates included."""
        return tuple(sources.find(self.folders, self.files))

    def names(self, kind: str) -> list[str]:
        """Return the names of one kind, each once."""
        return list(self._names.get(kind, ()))

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        found: dict[str, set[str]] = {}
        for source in self.sources:
            found.setdefault(source.kind.name, set()).add(source.name)
        return {kind: sorted(names) for kind, names in found.items()}

    def kinds_of(self, name: str) -> list[Kind]:
        """Return the kinds as which a name is registered; raises UsageError if there are none."""
        found = [kind for kind in KINDS if name in self.names(kind.name)]
        if not found:
            raise unknown("plug-in", name, {source.name for source in self.sources}, "NAME")
        return found

    def source(self, kind: str, name: str, flag: str = "name") -> Source:
        """Return the one source of a name; raises UsageError if unknown, PluginError if there are two."""
        found = [source for source in self.sources if (source.kind.name, source.name) == (kind, name)]
        if not found:
            raise self._unknown(kind_named(kind), name, flag)
        if len(found) > 1:
            places = " and ".join(f"{s.origin} ({s.path})" if s.path else s.origin for s in found)
            raise PluginError(f"{found[0].kind.label} '{name}' is registered twice: {places}. Rename one of them.")
        return found[0]

    def get(self, kind: str, name: str, flag: str = "name") -> type[Any]:
        """Return the class registered under a name, importing only its module."""
        return self.plugin(kind, name, flag).cls

    def plugin(self, kind: str, name: str, flag: str = "name") -> Plugin:
        """Like ``get``, with the source."""
        if (kind, name) in self._broken:
            raise self._broken[kind, name]
        if (kind, name) not in self._loaded:
            try:
                self._loaded[kind, name] = self._imported(self.source(kind, name, flag))
            except PluginError as error:
                self._broken[kind, name] = error
                raise
        return self._loaded[kind, name]

    def _imported(self, source: Source) -> Plugin:
        self._require_own_helpers(source)
        if self._trial is not None and source.origin != "built-in":
            self._trial(source, self.folders, self.files)
        try:
            with contained():
                module = source.load()
                return Plugin(source, _registered_class(module, source), module)
        except PluginError:
            raise
        except (Exception, SystemExit) as error:  # whatever a stranger's module does on import
            reason = f"{type(error).__name__}: {error}{_line_of(error, source.path)}"
            what = f"{source.kind.label} '{source.name}' ({source.origin})"
            raise PluginError(f"{what} cannot be loaded: {reason}") from error

    def _require_own_helpers(self, source: Source) -> None:
        """Raise PluginError if a plug-in would be given the helper of another folder, whose name is the same."""
        if source.origin == "built-in" or source.path is None:
            return
        others = [folder for folder in self.folders if folder.resolve() not in source.path.resolve().parents]
        if two := sources.shadowed(source.path, others):
            raise PluginError(
                f"{source.kind.label} '{source.name}' ({source.origin}): imports {two[0].stem}, and both {two[0]} and "
                f"{two[1]} have that name. Rename one of them"
            )

    def problems(self) -> dict[tuple[str, str], str]:
        """Import everything; return the reason per plug-in that is broken."""
        broken: dict[tuple[str, str], str] = {}
        for source in self.sources:
            try:
                self.get(source.kind.name, source.name)
            except PluginError as error:
                broken[source.kind.name, source.name] = str(error)
        return broken

    def _unknown(self, kind: Kind, name: str, flag: str) -> UsageError:
        known = self.names(kind.name)
        if others := [source.kind for source in self.sources if source.name == name]:
            return UsageError(
                f"{flag}: '{name}' is {others[0].one}, not {kind.one}. Known: {', '.join(known) or 'none'}."
            )
        missing = unknown(kind.label, name, known, flag)
        if "Did you mean" in str(missing) or not self.folders or any(folder.is_dir() for folder in self.folders):
            return missing
        return UsageError(f"{missing} To use your own plug-ins: --plugins DIR.")


def base_of(kind: Kind) -> type[Any]:
    """Return the class that the plug-ins of a kind derive from."""
    from bench import api  # not at module level: bench list imports no torch

    base: type[Any] = getattr(api, kind.base)
    return base


def _line_of(error: BaseException, path: Path | None) -> str:
    """Return where in a plug-in's own file an error arose, " (line N)"; nothing if not there, or if it says so."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if path is not None and Path(frame.filename).resolve() == path.resolve()]
    return f" (line {lines[-1]})" if lines and not isinstance(error, SyntaxError) else ""


def _registered_class(module: ModuleType, source: Source) -> type[Any]:
    """Call the one hook of a source's module, and check what it registers."""
    classes = _hooked(module, source)
    if len(classes) != 1:
        raise PluginError(
            f"{source.origin}: {source.kind.hook} of '{source.name}' registers {len(classes)} classes; one is expected"
        )
    _require_base(classes[0], source)
    missing = sorted(getattr(classes[0], "__abstractmethods__", ()))
    if missing:
        near = {name: get_close_matches(name, vars(classes[0]), n=1) for name in missing}
        guess = "".join(f". Did you mean '{name}' where it says '{like[0]}'?" for name, like in near.items() if like)
        raise PluginError(f"{source.origin}: '{source.name}' does not implement {', '.join(missing)}{guess}")
    return classes[0]


def _hooked(module: ModuleType, source: Source) -> list[type[Any]]:
    """Call a module's hook through pluggy; return what it registers."""
    hook = source.kind.hook
    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(hookspecs)
    if not hasattr(module, hook):
        near = get_close_matches(hook, [name for name in vars(module) if callable(getattr(module, name))], n=1)
        guess = f". Did you mean its {near[0]}?" if near else ""
        raise PluginError(f"{source.origin}: '{source.name}' has no {hook}(register) hook{guess}")
    if manager.parse_hookimpl_opts(module, hook) is None:
        raise PluginError(f"{source.origin}: {hook} of '{source.name}' is not marked with @bench.api.hookimpl")
    manager.register(module, name=source.name)
    manager.check_pending()
    classes: list[type[Any]] = []
    getattr(manager.hook, hook)(register=classes.append)
    return classes


def _require_base(found: Any, source: Source) -> None:
    if isinstance(found, type) and issubclass(found, base_of(source.kind)):
        return
    fitting = [kind for kind in KINDS if isinstance(found, type) and issubclass(found, base_of(kind))]
    remedy = f". Register a bench.api.{fitting[0].base} with {fitting[0].hook}" if fitting else ""
    raise PluginError(
        f"{source.origin}: '{source.name}' registers {found!r}, which is not a subclass of "
        f"bench.api.{source.kind.base}{remedy}"
    )
