"""Which tables there are: the paper's five, and ours (readings, tradeoff, cost)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.errors import unknown

FIDELITY = ("inception_score", "fid", "fid_retain")  # per extractor


@dataclass(frozen=True)
class Options:
    """What ``bench table`` was asked for."""

    suite: str = "lite"
    models: Sequence[str] = ("all",)
    features: Sequence[str] = ("all",)
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    overrides: Sequence[str] = ()
    methods: Sequence[str] = ()  # further methods, a row or column each


@dataclass(frozen=True)
class Variant:
    """A row or column of a table: a method with parameters."""

    label: str
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paper_params(self) -> str:
        """How results/paper/tables.csv writes the parameters."""
        return " ".join(f"{name}={str(value).lower()}" for name, value in self.params.items())


@dataclass(frozen=True)
class Table:
    """What is in a table and how it is laid out.

    Attributes
    ----------
    name : str
        As typed: ``bench table NAME``.
    title : str
    variants : sequence of Variant
    metrics : sequence of str
        Names without an extractor; those of ``FIDELITY`` are taken per extractor of the suite, and
        ``seconds``, ``peak_memory_mb`` are the unlearning stage's.
    rows : str
        "variants" (a row per model, feature and variant) or "models" (a row per model, a column per variant and
        feature).
    """

    name: str
    title: str
    variants: Sequence[Variant]
    metrics: Sequence[str]
    rows: str = "variants"


ORIGINAL, OURS, PROBE = Variant("original", "original"), Variant("ours", "ours"), Variant("probe", "probe")
LOGISTIC = Variant("ours, logistic", "ours", {"direction": "logistic"})
RETRAIN = Variant("retrain", "retrain")
LATENT_EDIT, REJECT = Variant("latent_edit", "latent_edit"), Variant("reject", "reject")
QUALITY = ("target_ratio", "inception_score", "fid", "retain_change")


def _loss(label: str, *off: str) -> Variant:
    return Variant(label, "ours", {f"{term}_term": False for term in off})


def _reading(threshold: str, step: str) -> Variant:
    return Variant(f"{threshold} / {step}", "ours", {"threshold": threshold, "step": step})


def _shifted(direction: str, shift: float) -> Variant:
    return Variant(f"{direction}, t {shift:+g} s.d.", "ours", {"direction": direction, "threshold_shift": shift})


_ALL = (
    Table("1", "Target and non-target images of the training set", (), ("target_images", "non_target_images")),
    Table(
        "2",
        "Target ratio, inception score and Frechet distance before and after unlearning",
        (ORIGINAL, OURS, LOGISTIC, PROBE, RETRAIN, LATENT_EDIT, REJECT),
        ("target_ratio", "inception_score", "fid", "fid_retain", "retain_change", "attribute_shift"),
    ),
    Table("3", "ROC-AUC of the methods' own feature identification", (OURS, LOGISTIC, PROBE), ("roc_auc",), "models"),
    Table(
        "4",
        "The terms of the loss",
        (
            _loss("unlearn", "reconstruction", "perception"),
            _loss("recon + unlearn", "perception"),
            Variant("recon + unlearn + percep", "ours"),
            RETRAIN,
            ORIGINAL,
        ),
        QUALITY,
    ),
    Table("5", "The weight alpha", [Variant(f"alpha = {a}", "ours", {"alpha": a}) for a in range(1, 6)], QUALITY),
    Table(
        "readings",
        "Four readings of the method's text: threshold (mean of all projections, or midpoint of the class means) / "
        "step (along the unit vector, or the printed formula's z_e)",
        [_reading(t, s) for t in ("mean", "midpoint") for s in ("unit", "raw")],
        ("target_ratio", "roc_auc", *QUALITY[1:]),
    ),
    Table(
        "tradeoff",
        "Removal against damage: the threshold moved by a share of the projections' standard deviation",
        [_shifted(d, s) for d in ("mean_difference", "logistic") for s in (-0.5, 0, 0.5, 1.0)],
        ("target_ratio", "retain_change", "fid", "roc_auc"),
    ),
    Table("cost", "Time and memory of the unlearning stage", (OURS, PROBE, RETRAIN), ("seconds", "peak_memory_mb")),
)

TABLES = {table.name: table for table in _ALL}


def table_named(name: str) -> Table:
    """Return a table; raises UsageError with the nearest match."""
    if name not in TABLES:
        raise unknown("table", name, TABLES, "NAME")
    return TABLES[name]
