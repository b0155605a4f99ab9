"""The names of all values, and the metric that computes each, for ``bench table --metric``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import unknown
from bench.evaluation.metric_plugins import load_metrics
from bench.registry import Registry

TIMINGS = ("seconds", "peak_memory_mb")  # of the unlearning stage


@dataclass(frozen=True)
class ValueNames:
    """The names of values.

    Attributes
    ----------
    owners : dict of str to str
        By name, the metric that computes it.
    per_extractor : frozenset of str
        The names of which there is one value per extractor.
    complete : bool
        Whether every metric says what its values are called. A metric that does not may compute any name.
    """

    owners: dict[str, str]
    per_extractor: frozenset[str]
    complete: bool

    def columns(self, asked: Sequence[str]) -> list[str]:
        """Return the columns that were asked for: a value's name, or a metric's name for all its values.

        Raises
        ------
        UsageError
            If no metric computes a name.
        """
        return list(dict.fromkeys(name for each in asked for name in self._named(each)))

    def _named(self, name: str) -> list[str]:
        base = name.partition("[")[0]
        if base in self.owners or base in TIMINGS:
            return [name]
        if of_metric := sorted(value for value, owner in self.owners.items() if owner == name):
            return of_metric
        if self.complete:
            raise unknown("value", name, {*self.owners, *TIMINGS}, "--metric")
        return [name]


def value_names(registry: Registry) -> ValueNames:
    """Return the names of the values of all metrics; one that does not declare any has its own name for now."""
    metrics, _ = load_metrics(registry)
    declared = {name: metric.values or frozenset({name}) for name, metric in metrics.items()}
    owners = {value: name for name, values in declared.items() for value in values}
    per_extractor = frozenset(value for value, name in owners.items() if metrics[name].per_extractor)
    return ValueNames(owners, per_extractor, all(metric.values for metric in metrics.values()))
