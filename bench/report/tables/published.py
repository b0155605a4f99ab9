"""The paper's numbers, found by what a variant is: names and typed parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.registry import Registry
from bench.report.tables.definitions import Variant
from bench.workspace.settings.values import read_assignments, values_of

Place = tuple[str, str, str, str, str]  # table, model, feature, method, metric


@dataclass(frozen=True)
class Published:
    """The content of results/paper/tables.csv: by place, the parameters of a row and its value."""

    registry: Registry
    rows: dict[Place, list[tuple[str, float]]]

    def value(self, table: str, model: str, feature: str, variant: Variant, metric: str) -> float | None:
        """Return the published value of a number; IS and FID only where ours are in Inception's embeddings too."""
        name, _, extractor = metric.partition("[")
        if extractor not in ("", "inception]"):
            return None
        found = self.rows.get((table, model, feature, variant.method, name), [])
        config = self.registry.get("methods", variant.method).Config
        asked = config.model_validate(dict(variant.params))
        return next((value for params, value in found if config.model_validate(_typed(config, params)) == asked), None)

    def is_of_paper(self, dataset: str, feature: str) -> bool:
        """Say whether a data set is the one on which the paper reports a feature, at whatever size."""
        known = {model for table, model, of, *_ in self.rows if (table, of) == ("1", feature)}
        return any(dataset.startswith(name) for name in known)

    def count(self, table: str, dataset: str, feature: str, metric: str) -> float | None:
        """Return a published count, which no method made."""
        found = self.rows.get((table, dataset, feature, "", metric), [])
        return found[0][1] if found else None


def read_published(registry: Registry) -> Published:
    """Read the paper's numbers."""
    here = Path(__file__).parents[2]
    folder = here / "results" if (here / "results").is_dir() else here.parent / "results"
    frame = pd.read_csv(folder / "paper" / "tables.csv", dtype=str, keep_default_na=False)
    rows: dict[Place, list[tuple[str, float]]] = {}
    for row in frame.to_dict("records"):
        place = (row["table"], row["model"], row["feature"], row["method"], row["metric"])
        rows.setdefault(place, []).append((row["params"], float(row["value"])))
    return Published(registry, rows)


def _typed(config: type[Any], params: str) -> dict[str, Any]:
    return values_of(config, read_assignments(params.split(), "results/paper/tables.csv"), "results/paper/tables.csv")
