"""The method that a caller of ``bench.unlearn`` chose, with its hyper-parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench.api import Method
from bench.errors import UsageError
from bench.library.task import Task
from bench.workspace.settings.suites import load_suite
from bench.workspace.settings.validation import validated
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Chosen:
    """A method as configured, under its registered name, or under its class's name if it was given as a class."""

    name: str
    registered: bool
    method: Method[Any]

    @property
    def call(self) -> str:
        """How errors name the call."""
        return _call(self.name, self.registered)


def merged(params: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method's parameters from ``params=`` and from keywords; raises UsageError if one is in both."""
    if not isinstance(params, Mapping | None):
        raise UsageError(f"unlearn(params): is a {type(params).__name__}; expected a dict, params={{NAME: value}}")
    given = dict(params or {})
    if twice := sorted(given.keys() & more.keys()):
        raise UsageError(f"unlearn: {', '.join(twice)}: given in params= and as a keyword; give it once")
    return {**given, **more}


def choose(
    workspace: Workspace, method: str | type[Method[Any]], model: str, suite: str | Path, params: Mapping[str, Any]
) -> Chosen:
    """Build a method: parameters are those given, else the suite's for the model, else the method's own.

    A suite knows methods by their registered names. What it sets for every method with the student's parameters, it
    sets for a class too.

    Raises
    ------
    UsageError
        If the method or the suite is unknown, or parameters are wrong: all of them at once.
    """
    models = load_suite(str(suite)).models
    if isinstance(method, str):
        name, cls = method, workspace.registry.get("methods", method, "unlearn(method=...)")
    else:
        _require_method(method)
        name, cls = method.__name__, method
    known = name if isinstance(method, str) else None
    defaults = models[model].params_for(known, cls.Config) if model in models else {}
    call = _call(name, isinstance(method, str))
    _require_no_task(cls, params, call)
    return Chosen(name, isinstance(method, str), cls(validated(cls.Config, {**defaults, **params}, call)))


def _call(name: str, registered: bool) -> str:
    return f"unlearn(method='{name}')" if registered else f"unlearn(method={name})"


def _require_method(method: object) -> None:
    """Raise UsageError unless a class can serve as a method."""
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise UsageError(
            f"unlearn(method): is {method!r}; expected a registered name or a subclass of bench.api.Method"
        )
    if missing := sorted(getattr(method, "__abstractmethods__", ())):
        raise UsageError(f"unlearn(method={method.__name__}): does not implement {', '.join(missing)}")


def _require_no_task(method: type[Method[Any]], params: Mapping[str, Any], call: str) -> None:
    """Raise UsageError for what ``bench.evaluate`` takes as keywords, unless the method has such parameters."""
    ours = [field.name for field in fields(Task) if field.name in params]
    if misplaced := [name for name in ours if name not in method.Config.model_fields]:
        raise UsageError(
            f"{call}: has no parameter {' and no '.join(misplaced)}. To name the feature, give "
            f"task=bench.Task({', '.join(f'{name}=...' for name in misplaced)})"
        )
