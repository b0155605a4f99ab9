"""Metric plug-ins: loading them, and which names their values may have."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from bench.api import Metric
from bench.api.metric_checks import RESERVED, require_declared
from bench.errors import PluginError
from bench.evaluation.own_metrics import OWN
from bench.registry import Registry

BUILT_IN = "built-in"


def load_metrics(registry: Registry, asked: Sequence[str] | None = None) -> tuple[dict[str, Metric], dict[str, str]]:
    """Return the metrics by name, and why others are missing: broken plug-ins that were not asked for.

    Parameters
    ----------
    registry : Registry
    asked : sequence of str, optional
        Default: all registered metrics.

    Raises
    ------
    PluginError
        If a metric that was asked for does not load.
    """
    metrics, missing = {}, {}
    for name in registry.names("metrics") if asked is None else asked:
        try:
            metrics[name] = _loaded(registry, name)
        except PluginError as error:
            if asked is not None:
                raise
            missing[name] = str(error)
    return metrics, missing


def reserved_names(registry: Registry) -> dict[str, str]:
    """Return the reserved names of values, each with the one metric that may use it; "" if none may."""
    names = dict.fromkeys(RESERVED, "") | {value: own.name for own in OWN for value in own.values}
    for source in registry.sources:
        if source.kind.name == "metrics" and source.origin == BUILT_IN:
            with suppress(PluginError):  # a loose file has the same name, and neither is used
                names |= dict.fromkeys(registry.get("metrics", source.name).values, source.name)
    return names


def _loaded(registry: Registry, name: str) -> Metric:
    plugin = registry.plugin("metrics", name, "--set evaluation.metrics")
    try:
        require_declared(plugin.cls)
        metric: Metric = plugin.cls()
    except (Exception, SystemExit) as error:  # whatever a stranger's __init__ does
        reason = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        raise PluginError(f"metric '{name}' ({plugin.source.origin}): {reason}") from error
    return metric
