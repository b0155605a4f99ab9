"""``bench check``: small named checks of one plug-in, on tiny inputs. The tests run all of them on every built-in.

The checks of a kind are the ``CHECKS`` of the module of its name: functions that take the plug-in's class (of a data
set, what ``subject`` of the module makes of it) and raise if it does not keep the contract. Each can be called alone.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.api import Pretrained, Trainable
from bench.authoring.conformance import trainables
from bench.authoring.conformance.plugins import NotChecked, has_a_docstring, no_name_is_misspelt
from bench.authoring.conformance.traces import Traces
from bench.authoring.outcome import Outcome
from bench.core.processes.child import asked_to_stop
from bench.errors import BenchError, Interrupted, PluginError
from bench.hookspecs import Kind, kind_named
from bench.registry import Registry

HERE = Path(__file__).parents[1]
OF_CLASSES = (has_a_docstring, no_name_is_misspelt)  # the checks of all kinds, which take the class

Check = Callable[[Any], None]


def check(registry: Registry, name: str, kind: str | None = None, data_dir: Path | None = None) -> list[Outcome]:
    """Run every check that applies to a plug-in, of each kind it is registered as.

    Parameters
    ----------
    registry : Registry
    name : str
    kind : str, optional
        The plural; all kinds of the name by default.
    data_dir : Path, optional
        Where data sets find their files.

    Raises
    ------
    UsageError
        If no plug-in has this name.
    """
    return list(checked(registry, name, kind, data_dir))


def checked(
    registry: Registry,
    name: str,
    kind: str | None = None,
    data_dir: Path | None = None,
    before: Callable[[str, str], None] = lambda plugin, check: None,
    alone: bool = False,
) -> Iterator[Outcome]:
    """Yield the outcomes of ``check`` one by one.

    Parameters
    ----------
    registry, name, kind, data_dir
        As for ``check``.
    before : callable
        Called with each plug-in and check that begins.
    alone : bool
        Whether this process is the plug-in's alone, so that an interrupt is its own doing.
    """
    for each in registry.kinds_of(name) if kind is None else [kind_named(kind)]:
        yield from _Checking(registry, each, name, data_dir, before, alone).outcomes()


def checks_of(kind: Kind, cls: type[Any] | None = None) -> list[Check]:
    """Return the checks of a kind, and if a plug-in is given those of a training recipe that it has."""
    own = [*OF_CLASSES, *import_module(f"{__name__}.{kind.name}").CHECKS]
    is_trained = cls is not None and issubclass(cls, Trainable) and not issubclass(cls, Pretrained)
    return [*own, *trainables.CHECKS] if is_trained else own


@dataclass(frozen=True)
class _Checking:
    """The checks of one plug-in."""

    registry: Registry
    kind: Kind
    name: str
    data_dir: Path | None
    before: Callable[[str, str], None]
    alone: bool

    def outcomes(self) -> Iterator[Outcome]:
        self.before(self._label, "loads")
        untouched = Traces()
        try:
            cls = self.registry.get(self.kind.name, self.name)
        except PluginError as error:
            yield Outcome(self._label, "loads", str(error))
            return
        yield Outcome(self._label, "loads", None)
        left = _left_by("importing it", untouched, Traces())
        subject = self._subject(cls)
        for test in checks_of(self.kind, cls):
            self.before(self._label, test.__name__)
            untouched = Traces()
            yield self._outcome(test, cls if test in OF_CLASSES else subject)
            left = left or _left_by(f"the check {test.__name__}", untouched, Traces())
        yield Outcome(self._label, "leaves_nothing_behind", left)

    @property
    def _label(self) -> str:
        return f"{self.kind.label} {self.name}"

    def _subject(self, cls: type[Any]) -> Any:
        """Return the argument of the checks of this kind: the class, or what ``subject`` makes of it."""
        module = import_module(f"{__name__}.{self.kind.name}")
        return module.subject(cls, self.registry, self.data_dir) if hasattr(module, "subject") else cls

    def _outcome(self, test: Check, subject: Any) -> Outcome:
        process = os.getpid()
        try:
            test(subject)
            if os.getpid() != process:
                os._exit(1)  # a fork that the plug-in left behind
        except NotChecked as reason:
            return Outcome(self._label, test.__name__, None, str(reason))
        except BaseException as error:
            interrupts = isinstance(error, (KeyboardInterrupt, Interrupted))
            if interrupts and (not self.alone or asked_to_stop()):
                raise
            path = self.registry.source(self.kind.name, self.name).path
            return Outcome(self._label, test.__name__, problem_of(error, path))
        return Outcome(self._label, test.__name__, None)


def problem_of(error: BaseException, path: Path | None = None) -> str:
    """Return an error's message, with its type and its line in the plug-in's file unless a check raised it."""
    try:
        text = " ".join(str(error).split()) if isinstance(error, Exception) else str(error)
    except Exception:
        text = "its text cannot be made"
    frames = traceback.extract_tb(error.__traceback__)
    asserted = isinstance(error, AssertionError) and Path(frames[-1].filename).is_relative_to(HERE)
    if text and (asserted or isinstance(error, BenchError)):
        return str(error)
    if isinstance(error, (KeyboardInterrupt, Interrupted)):
        return "it interrupts the process (SIGINT)"
    own = [frame for frame in frames if path is not None and Path(frame.filename).resolve() == path.resolve()]
    where = (own or frames)[-1]
    return f"{type(error).__name__}: {text or where.line} ({where.filename}:{where.lineno})"


def _left_by(what: str, before: Traces, after: Traces) -> str | None:
    """Return what changed in this process, as a sentence; None if nothing did."""
    changes = after.since(before)
    if not changes:
        return None
    found = "; ".join(changes[:3]) + (f"; and {len(changes) - 3} more" if len(changes) > 3 else "")
    return f"after {what}, {found}. All other code in this process would run with the change: undo it"
