"""``bench check``: small named checks of one plug-in, on tiny inputs. The tests run all of them on every built-in.

The checks of a kind are the ``CHECKS`` of the module of its name: functions that take the plug-in's class (of a data
set, what ``subject`` of the module makes of it) and raise if it does not keep the contract. Each can be called alone.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.api import Pretrained, Trainable
from bench.authoring.conformance import trainables
from bench.authoring.conformance.plugins import NotChecked, has_a_docstring
from bench.authoring.conformance.traces import Traces
from bench.errors import BenchError, Interrupted, PluginError
from bench.hookspecs import Kind, kind_named
from bench.registry import Registry

Check = Callable[[Any], None]


@dataclass(frozen=True)
class Outcome:
    """How one check went.

    Attributes
    ----------
    plugin : str
        Its kind and name.
    check : str
    problem : str or None
        None if it passed, or had nothing to look at.
    not_checked : str or None
        Why it had nothing to look at.
    """

    plugin: str
    check: str
    problem: str | None
    not_checked: str | None = None


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
) -> Iterator[Outcome]:
    """Yield the outcomes of ``check`` one by one; ``before`` is called with each plug-in and check that begins."""
    for each in registry.kinds_of(name) if kind is None else [kind_named(kind)]:
        yield from _Checking(registry, each, name, data_dir, before).outcomes()


def checks_of(kind: Kind, cls: type[Any] | None = None) -> list[Check]:
    """Return the checks of a kind, and if a plug-in is given those of a training recipe that it has."""
    own = [has_a_docstring, *import_module(f"{__name__}.{kind.name}").CHECKS]
    is_trained = cls is not None and issubclass(cls, Trainable) and not issubclass(cls, Pretrained)
    return [*own, *trainables.CHECKS] if is_trained else own


@dataclass(frozen=True)
class _Checking:
    """One plug-in that is checked."""

    registry: Registry
    kind: Kind
    name: str
    data_dir: Path | None
    before: Callable[[str, str], None]

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
            yield self._outcome(test, cls if test is has_a_docstring else subject)
            left = left or _left_by(f"the check {test.__name__}", untouched, Traces())
        yield Outcome(self._label, "leaves_nothing_behind", left)

    @property
    def _label(self) -> str:
        return f"{self.kind.label} {self.name}"

    def _subject(self, cls: type[Any]) -> Any:
        """Return what the checks of the kind are handed."""
        module = import_module(f"{__name__}.{self.kind.name}")
        return module.subject(cls, self.registry, self.data_dir) if hasattr(module, "subject") else cls

    def _outcome(self, test: Check, subject: Any) -> Outcome:
        try:
            test(subject)
        except NotChecked as reason:
            return Outcome(self._label, test.__name__, None, str(reason))
        except (Exception, SystemExit, Interrupted) as error:
            return Outcome(self._label, test.__name__, problem_of(error))
        return Outcome(self._label, test.__name__, None)


def problem_of(error: BaseException) -> str:
    """Return what an error says, with its type and place unless it was raised to be read."""
    try:
        text = str(error)
    except Exception:
        text = "(an error whose text cannot be made)"
    if isinstance(error, (AssertionError, BenchError)):
        return text or "failed"
    if isinstance(error, Interrupted):
        return f"it interrupts itself ({text})"
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {text} ({where.filename}:{where.lineno})"


def _left_by(what: str, before: Traces, after: Traces) -> str | None:
    """Return what changed in this process, as a sentence; None if nothing did."""
    changes = after.since(before)
    if not changes:
        return None
    found = "; ".join(changes[:3]) + (f"; and {len(changes) - 3} more" if len(changes) > 3 else "")
    return f"after {what}, {found}. Whatever else runs in this process would compute with it: leave it as it was"


def report(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield one line per check, and at the end why checks had nothing to look at."""
    for outcome in outcomes:
        yield line_of(outcome)
    yield from summary(outcomes)


def line_of(outcome: Outcome) -> str:
    """Return how a check went, in one line, and what is wrong in a second one."""
    if outcome.problem is not None:
        return f"FAILED {outcome.plugin}: {outcome.check}\n       {outcome.problem}"
    sign = "ok    " if outcome.not_checked is None else "-     "
    return f"{sign} {outcome.plugin}: {outcome.check}"


def summary(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield why checks had nothing to look at, and the counts."""
    for reason in dict.fromkeys(outcome.not_checked for outcome in outcomes if outcome.not_checked):
        names = ", ".join(outcome.check for outcome in outcomes if outcome.not_checked == reason)
        yield f"Not checked ({names}): {reason}"
    failed = sum(outcome.problem is not None for outcome in outcomes)
    skipped = sum(outcome.not_checked is not None for outcome in outcomes)
    passed = len(outcomes) - failed - skipped
    yield f"{passed} passed, {failed} failed" + (f", {skipped} not checked" if skipped else "")
