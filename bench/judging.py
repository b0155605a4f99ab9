"""What an evaluation is of: which metrics, against which reference statistics, by which judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.api import Metric, Statistics
from bench.errors import PluginError
from bench.registry import Registry
from bench.workshop import Workshop


def load_metrics(registry: Registry, asked: Sequence[str] | None = None) -> tuple[dict[str, Metric], dict[str, str]]:
    """Return the metrics by name, and why others are missing: broken plug-ins that nobody asked for.

    Parameters
    ----------
    registry : Registry
    asked : sequence of str, optional
        All that are registered by default.

    Raises
    ------
    PluginError
        If a metric that was asked for does not load.
    """
    metrics, missing = {}, {}
    for name in asked or registry.names("metrics"):
        try:
            metrics[name] = registry.get("metrics", name, "evaluation.metrics")()
        except PluginError as error:
            if asked:
                raise
            missing[name] = str(error)
    return metrics, missing


def references(
    shop: Workshop, dataset: str, extractors: Iterable[str], feature: str
) -> dict[str, tuple[Statistics | None, Statistics | None]]:
    """Return per extractor the statistics of the training set, and of the training set without the feature."""
    found = {name: shop.references(dataset, name) for name in extractors}
    return {name: (of.get("all"), of.get(f"without {feature}")) for name, of in found.items()}


def judge_of(metric: str, extractors: Iterable[str], oracle: str) -> str:
    """Say who stood behind a metric: the extractor in its name, else ``oracle``."""
    extractor = next((name for name in extractors if f"[{name}]" in metric), None)
    return f"extractor {extractor}" if extractor else oracle
