"""What was tried to find the paper's trends: target ratios by budget, of the tables of alpha and of the loss terms."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
from reference_numbers import frame

from bench.toolkit.intervals import student_point

FILE = "vae/trends"
ALL, WITHOUT, ALONE = "unlearn + reconstruction + perception", "unlearn + reconstruction", "unlearn"
Curve = Callable[[int], pd.Series]  # from a budget to the target ratios by seed


def trends(what: str) -> str:
    """Return what was tried for a table: ``alpha`` or ``terms``."""
    rows = frame(FILE)
    budgets = sorted(set(rows.epochs) - {0})
    lines = _alpha(rows, budgets) if what == "alpha" else _terms(rows, budgets)
    seeds, count, data = rows.seed.nunique(), int(rows["count"].iloc[0]), rows.data.iloc[0]
    shown = "the factor between the means; after them: " if what == "alpha" else ""
    caption = (
        f"*vae, thickness; {data}; {rows.source.iloc[0]}; {count:,} samples; mean of {seeds} seeds; in parentheses: "
        f"{shown}the paired difference, 95 % over seeds.*"
    )
    heads = [f"{budget} epochs" for budget in budgets]
    return "\n".join([f"| | {' | '.join(heads)} |", f"|-{'|-' * len(heads)}|", *lines, "", caption])


def _alpha(rows: pd.DataFrame, budgets: list[int]) -> list[str]:
    lines = []
    for l1, threshold in (("mean", "mean"), ("sum", "mean"), ("mean", "midpoint")):
        cells = []
        for budget in budgets:
            one, five = (_ratios(rows, budget, ALL, alpha, l1, threshold) for alpha in (1.0, 5.0))
            cells.append(f"{_means(one, five)} ({one.mean() / five.mean():.1f}), {_difference(one, five)}")
        lines.append(f"| alpha 1 → 5, `l1={l1}`, `threshold={threshold}` | {' | '.join(cells)} |")
    return lines


def _terms(rows: pd.DataFrame, budgets: list[int]) -> list[str]:
    lines = []
    for label, first, l1 in (
        ("without perception → with it", WITHOUT, "mean"),
        ("without perception → with it", WITHOUT, "sum"),
        ("unlearning term alone → all", ALONE, "mean"),
    ):
        cells = []
        for budget in budgets:
            before, after = (_ratios(rows, budget, terms, 3.0, l1, "mean") for terms in (first, ALL))
            cells.append(f"{_means(before, after)} ({_difference(before, after)})")
        lines.append(f"| {label}, `l1={l1}` | {' | '.join(cells)} |")
    return lines


def _means(before: pd.Series, after: pd.Series) -> str:
    return f"{before.mean():.4f} → {after.mean():.4f}"


def _difference(before: pd.Series, after: pd.Series) -> str:
    """Return the paired difference with half of its interval."""
    mean, half = _paired(after - before)
    return f"{_signed(mean)} ± {half:.4f}"


def _signed(number: float) -> str:
    """Return a number with its sign; one that reads zero has a plus."""
    return f"{round(number, 4) + 0.0:+.4f}"


def _ratios(rows: pd.DataFrame, budget: int, terms: str, alpha: float, l1: str, threshold: str) -> pd.Series:
    found = rows[
        (rows.metric == "target_ratio")
        & (rows.epochs == budget)
        & (rows.terms == terms)
        & (rows.alpha == alpha)
        & (rows.l1 == l1)
        & (rows.threshold == threshold)
    ]
    if found.empty:
        raise ValueError(f"{FILE}: holds no number of {budget} epochs, {terms}, alpha {alpha}, {l1}, {threshold}")
    return found.set_index("seed").value


def _paired(differences: pd.Series) -> tuple[float, float]:
    """Return the mean of differences by seed, and half the width of Student's 95 % interval."""
    n = len(differences)
    half = student_point(n - 1) * differences.std() / math.sqrt(n) if n > 1 else math.nan
    return float(differences.mean()), float(half)
