"""Shares of images with the feature before and after unlearning, each with its judge and its images."""

from __future__ import annotations

from dataclasses import dataclass

from bench.workspace.store.record import Measurement, Record

COUNTED_BY = {
    "target_ratio": "the oracle {name}",
    "learnt_target_ratio": "a judge learnt from your clicks",
    "clicked_ratio": "you",
}
FRESH, CLICKED = "{n} fresh images", "the {n} images that your clicks are about, not fresh ones"


@dataclass(frozen=True)
class Counted:
    """A share with its 95 % interval, and the images that it is of."""

    found: Measurement
    of: str


@dataclass(frozen=True)
class Share:
    """One judge's shares; ``before`` is None if it counted nothing before unlearning."""

    by: str
    before: Counted | None
    after: Counted


def shares_of(record: Record) -> list[Share]:
    """Return the counts of each judge."""
    oracle = record.provenance.oracle
    return [
        Share(
            by.format(name=oracle.evaluation.name or oracle.name if oracle else ""),
            _counted(record, f"original_{metric}", CLICKED if metric == "clicked_ratio" else FRESH),
            after,
        )
        for metric, by in COUNTED_BY.items()
        if (after := _counted(record, metric, FRESH)) is not None
    ]


def _counted(record: Record, metric: str, of: str) -> Counted | None:
    found = record.metrics.get(metric)
    return None if found is None else Counted(found, of.format(n=f"{found.n:,}"))


def stored_count(record: Record, positives: int, count: int) -> bool:
    """Say whether a record holds this count of fresh images."""
    found = record.metrics.get("clicked_ratio")
    return found is not None and found.n == count and round(found.value * count) == positives
