"""``bench check``: small named checks of one plug-in, on tiny inputs. The tests run all of them on every built-in.

The checks of a kind are the ``CHECKS`` of the module of its name: functions that take the plug-in's class and raise if
it does not keep the contract. Each can be called alone.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bench.authoring.conformance.plugins import has_a_docstring
from bench.errors import BenchError, PluginError
from bench.hookspecs import Kind, kind_named
from bench.registry import Registry

Check = Callable[[Any], None]


@dataclass(frozen=True)
class Outcome:
    """How one check went; ``problem`` is None if it passed."""

    plugin: str
    check: str
    problem: str | None


def check(registry: Registry, name: str, kind: str | None = None) -> list[Outcome]:
    """Run every check that applies to a plug-in, of each kind it is registered as.

    Raises
    ------
    UsageError
        If no plug-in has this name.
    """
    kinds = registry.kinds_of(name) if kind is None else [kind_named(kind)]
    return [outcome for each in kinds for outcome in _checked(registry, each, name)]


def checks_of(kind: Kind) -> list[Check]:
    """Return the checks of a kind."""
    return [has_a_docstring, *import_module(f"{__name__}.{kind.name}").CHECKS]


def _checked(registry: Registry, kind: Kind, name: str) -> Iterator[Outcome]:
    label = f"{kind.label} {name}"
    try:
        cls = registry.get(kind.name, name)
    except PluginError as error:
        yield Outcome(label, "loads", str(error))
        return
    yield Outcome(label, "loads", None)
    yield from (_outcome(label, test, cls) for test in checks_of(kind))


def _outcome(label: str, test: Check, cls: type[Any]) -> Outcome:
    try:
        test(cls)
    except AssertionError as error:
        return Outcome(label, test.__name__, str(error) or "failed")
    except BenchError as error:
        return Outcome(label, test.__name__, str(error))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome(label, test.__name__, f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})")
    return Outcome(label, test.__name__, None)


def report(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield one line per check."""
    for outcome in outcomes:
        yield f"{'ok    ' if outcome.problem is None else 'FAILED'} {outcome.plugin}: {outcome.check}" + (
            "" if outcome.problem is None else f"\n       {outcome.problem}"
        )
