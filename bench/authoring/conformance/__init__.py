"""``bench check``: small named checks of one plug-in, on tiny inputs. The test suite runs them on every built-in.

A model is checked with its own default configuration; a method on a tiny generator; a metric on a perfect and on
a null pass.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench import api
from bench.authoring.conformance.classifiers import CLASSIFIER_CHECKS, EXTRACTOR_CHECKS
from bench.authoring.conformance.datasets import DATASET_CHECKS
from bench.authoring.conformance.methods import METHOD_CHECKS
from bench.authoring.conformance.metrics import METRIC_CHECKS
from bench.authoring.conformance.models import MODEL_CHECKS
from bench.authoring.conformance.plugins import has_a_docstring
from bench.errors import BenchError, PluginError
from bench.hookspecs import kind_named
from bench.registry import Registry


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
    outcomes = []
    for each in kinds:
        label = f"{each.label} {name}"
        try:
            cls = registry.get(each.name, name)
        except PluginError as error:
            outcomes.append(Outcome(label, "loads", str(error)))
            continue
        outcomes.append(Outcome(label, "loads", None))
        outcomes += [_outcome(label, test, cls) for test in _checks_for(cls)]
    return outcomes


def _checks_for(cls: type[Any]) -> list[Callable[[Any], None]]:
    checks: list[Callable[[Any], None]] = [has_a_docstring]
    for base, more in (
        (api.Model, MODEL_CHECKS),
        (api.Method, METHOD_CHECKS),
        (api.Metric, METRIC_CHECKS),
        (api.Classifier, CLASSIFIER_CHECKS),
        (api.Extractor, EXTRACTOR_CHECKS),
        (api.Dataset, DATASET_CHECKS),
    ):
        if issubclass(cls, base):
            checks += more
    return checks


def _outcome(label: str, test: Callable[[Any], None], cls: type[Any]) -> Outcome:
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
