"""Definitions of all tables: the paper's five, and ours, such as damage and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from bench.errors import unknown
from bench.report.tables.about import AFTER_STEPS, BUDGET, DAMAGE, READINGS, UNIT

if TYPE_CHECKING:
    from bench.experiments.execution.backends.base import Opened

SEEDS = (0, 1, 2, 3, 4)
RUNS = 3  # different trainings of retrain, over all seeds


@dataclass(frozen=True)
class Options:
    """The request of ``bench table``."""

    suite: str = "lite"
    models: Sequence[str] = ("all",)
    features: Sequence[str] = ("all",)
    seeds: Sequence[int] | None = None  # the table's own by default
    overrides: Sequence[str] = ()
    methods: Sequence[str] = ()  # further methods, a row or column each
    only: Sequence[str] = ()  # rows or columns to be shown: labels, families, methods
    metrics: Sequence[str] = ()  # columns instead of the table's own; "+name" adds one
    backend: Opened | None = None  # who runs what is missing; this process by default


@dataclass(frozen=True)
class Variant:
    """A row or column of a table: a method with parameters.

    Attributes
    ----------
    label, method : str
    params, settings : mapping of str to Any
        Fields of the method's Config, and of the suite's settings for a model.
    family : str
        The curve that this is a point of, where points are compared as curves.
    point : str
        What a point of its curve is called, with the swept parameter in braces; by default its label, name = value.
    about : str
        What to know about it: a mark at its label.
    at : int, optional
        The step of its run after which it is evaluated; the last one by default.
    model, features
        Models and features it applies to; all by default.
    """

    label: str
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    point: str = ""
    about: str = ""
    at: int | None = None
    model: str = ""
    features: Sequence[str] = ()

    def concerns(self, model: str, feature: str) -> bool:
        """Say whether it is for a model and a feature."""
        return self.model in ("", model) and (not self.features or feature in self.features)

    @property
    def place(self) -> str:
        """Say in words for which model and features it is."""
        return " ".join([self.model or "every model", "/".join(self.features)]).strip()


@dataclass(frozen=True)
class Table:
    """The content and the layout of a table.

    Attributes
    ----------
    name : str
        As typed: ``bench table NAME``.
    title : str
    variants : sequence of Variant
    metrics : sequence of str
        Names without an extractor, of which some are taken per extractor of the suite; ``seconds`` and
        ``peak_memory_mb`` are the unlearning stage's.
    rows : str
        "variants" (a row per model, feature and variant) or "models" (a row per model, a column per variant and
        feature).
    open : bool
        Whether the suite's own variants belong in it.
    about : str
        Further sentences of its caption.
    usual : sequence of int
        The seeds where ``--seed`` does not say any.
    seeds_on : mapping of str to sequence of int
        The same by data set, if not ``usual``.
    varied : str
        What makes several variants of a method: "sweep" (the parameter that the method or the suite names), "clicks",
        "budget" (shares of the pre-training, for retrain), "steps" (of one run), or nothing. Of "sweep", the
        table's own variants are curves too; of "clicks" and "steps", they are the points.
    narrow : sequence of str
        The columns that LaTeX has, if not all: a page is narrow.
    chosen : bool
        Whether the columns are those that ``--metric`` named; then every format has them, with a number or without.
    """

    name: str
    title: str
    variants: Sequence[Variant]
    metrics: Sequence[str]
    rows: str = "variants"
    open: bool = False
    varied: str = ""
    about: str = ""
    usual: Sequence[int] = SEEDS
    seeds_on: Mapping[str, Sequence[int]] = field(default_factory=dict)
    narrow: Sequence[str] = ()
    chosen: bool = False

    def seeds(self, options: Options, dataset: str) -> Sequence[int]:
        """Return the seeds that are averaged over, on a data set."""
        return self.seeds_on.get(dataset, self.usual) if options.seeds is None else options.seeds


ORIGINAL, OURS, PROBE = Variant("original", "original"), Variant("ours", "ours"), Variant("probe", "probe")
PENALISED = {"direction": "logistic", "shrink": False}  # a suite's shrink is of the mean difference
LOGISTIC = Variant("ours, logistic", "ours", PENALISED)
RETRAIN = Variant("retrain", "retrain")
LATENT_EDIT, REJECT = Variant("latent_edit", "latent_edit"), Variant("reject", "reject")
STEPS = (1, 5, 10, 50, 200, 500)  # of one run, after which it is evaluated
SHOWN = (250, 500, 1000, 2000, 4000)  # samples
QUALITY = ("target_ratio", "inception_score", "fid", "retain_change")


def _loss(label: str, *off: str) -> Variant:
    return Variant(label, "ours", {f"{term}_term": False for term in off})


def _reading(threshold: str, step: str, steps: int, l1: str) -> Variant:
    params = {"threshold": threshold, "step": step, "steps_per_epoch": steps, "l1": l1}
    return Variant(f"{threshold} / {step} / {steps} / {l1}", "ours", params, about=UNIT if step == "unit" else "")


def _direction(name: str) -> Variant:
    params = PENALISED if name == "logistic" else {"direction": name}
    return Variant(f"ours, {name}", "ours", params, point=f"{name}, t {{threshold_shift:+g}} s.d.")


def clicked(variant: Variant) -> list[Variant]:
    """Return a variant with different numbers of samples shown to the oracle."""
    found = []
    for count in SHOWN:
        label, settings = f"{variant.label}, {count:,} shown", {"feedback": {"count": count}}
        found.append(replace(variant, label=label, settings=settings, family=variant.label))
    return found


def stepped(variant: Variant) -> list[Variant]:
    """Return one run of a variant, evaluated after several of its steps."""
    params = {"epochs": max(STEPS), **variant.params}
    return [
        replace(
            variant,
            label=f"{variant.label}, {at} step{'' if at == 1 else 's'}",
            params=params,
            at=at,
            family=variant.label,
        )
        for at in STEPS
        if at <= params["epochs"]
    ]


_CURVES = (
    _direction("mean_difference"),
    _direction("logistic"),
    replace(PROBE, point="probe, down to quantile {safe_share:g}"),
)


_ALL = (
    Table("1", "Target and non-target images of the training set", (), ("target_images", "non_target_images")),
    Table(
        "2",
        "Target ratio, inception score and Frechet distance before and after unlearning",
        (ORIGINAL, OURS, LOGISTIC, PROBE, RETRAIN, LATENT_EDIT, REJECT),
        (
            "target_ratio",
            "clicker_target_ratio",
            "roc_auc",
            "inception_score",
            "fid",
            "fid_change",
            "fid_retain",
            "fid_counterfactual",
            "retain_change",
            "attribute_shift",
        ),
        open=True,
        narrow=("target_ratio", "fid", "fid_counterfactual", "retain_change"),
    ),
    Table(
        "fidelity",
        "Inception score, Frechet and kernel distance, and their differences from the original",
        (ORIGINAL, OURS, LOGISTIC, PROBE, RETRAIN, LATENT_EDIT, REJECT),
        tuple(
            f"{name}{suffix}"
            for name in ("inception_score", "fid", "kid", "fid_retain", "fid_counterfactual")
            for suffix in ("", "_change")
        ),
        open=True,
        narrow=("fid", "fid_change", "kid_change", "fid_counterfactual_change"),
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
        "Readings of the method's text",
        [_reading(*each) for each in product(("mean", "midpoint"), ("unit", "raw"), (1, 10), ("mean", "sum"))],
        ("target_ratio", "roc_auc", *QUALITY[1:]),
        about=READINGS,
    ),
    Table(
        "tradeoff",
        "Removal against damage: the threshold moved by a share of the projections' standard deviation, or flagged "
        "latents moved down to another quantile of the probe's scores",
        _CURVES,
        ("target_ratio", "retain_change", "fid", "roc_auc"),
        varied="sweep",
    ),
    Table(
        "damage",
        "Methods at equal damage, and at equal removal",
        _CURVES,
        ("target_ratio", "retain_change", "ratio", "read_elsewhere", "verdict"),
        varied="sweep",
        about=DAMAGE,
        seeds_on={"mnist": range(10)},
    ),
    Table(
        "clicks",
        "Target ratio against the number of samples shown to the oracle",
        [each for variant in (OURS, PROBE) for each in clicked(variant)],
        ("target_ratio", "roc_auc", "retain_change", "fid"),
        varied="clicks",
    ),
    Table(
        "budget",
        "Retraining for several shares of the pre-training",
        (ORIGINAL, OURS, RETRAIN),
        ("target_ratio", "retain_change", "fid", "fid_counterfactual"),
        varied="budget",
        about=BUDGET,
        usual=range(RUNS),
    ),
    Table(
        "steps",
        "One run of each method, evaluated after some of its steps",
        [
            each
            for name in ("ours", "surrogate", "gradient_ascent", "uno", "uno_s")
            for each in stepped(Variant(name, name))
        ],
        ("target_ratio", "retain_change", "attribute_shift", "fid", "seconds"),
        varied="steps",
        about=AFTER_STEPS,
    ),
    Table("cost", "Time and memory of the unlearning stage", (OURS, PROBE, RETRAIN), ("seconds", "peak_memory_mb")),
)

TABLES = {table.name: table for table in _ALL}


def table_named(name: str) -> Table:
    """Return a table; raises UsageError with the nearest match."""
    if name not in TABLES:
        raise unknown("table", name, TABLES, "NAME")
    return TABLES[name]
