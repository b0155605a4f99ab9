"""Tables of networks trained on photographs: how good the oracles are, what the generator draws, whether it copies."""

from __future__ import annotations

import pandas as pd
from reference_numbers import frame

FEATURES = ("bang", "beard")  # the attributes Bangs and No_Beard once more
ORACLES, GENERATOR = "celeba/oracles", "celeba/{}/generator"


def oracles(split: str, *, file: str = ORACLES) -> str:
    """Return a row per copy, feature and cut (0, and calibrated where there is one) on the photographs of a split."""
    rows = frame(file)
    rows = rows[rows.split == split]
    if rows.empty:
        raise ValueError(f"{file}: has no split '{split}'")
    lines = [
        "| copy, feature | cut | rate by the table | by the oracle | balanced accuracy | kappa with the other copy |",
        "|-|-|-|-|-|-|",
    ]
    for _, row in rows.iterrows():
        agreed = "" if pd.isna(row.kappa_with_other) else f"{row.kappa_with_other:.2f}"
        cut = "0" if row.cut == 0 else f"{row.cut:.2g}, calibrated"
        numbers = (f"{row[name]:.3f}" for name in ("rate", "rate_said", "balanced_accuracy"))
        lines.append(f"| {row['copy']}, {row.feature} | {cut} | {' | '.join(numbers)} | {agreed} |")
    return "\n".join([*lines, "", f"*{rows.data.iloc[0]}; split `{split}`, {int(rows.n.max()):,} photographs.*"])


def drawn(model: str, *, only: str = "") -> str:
    """Return how often a generator draws attributes (comma list; all), by the judge, next to the photographs."""
    rows = frame(GENERATOR.format(model))
    shown = rows[rows.kind == "rate"]
    if unknown := set(only.split(",") if only else ()) - set(shown.what):
        raise ValueError(f"{GENERATOR.format(model)}: has no rate of {', '.join(sorted(unknown))}")
    shown = shown[shown.what.isin(only.split(","))] if only else shown
    lines = ["| attribute | samples | photographs, by the judge | photographs, by the table |", "|-|-|-|-|"]
    for _, row in shown.iterrows():
        table = "" if pd.isna(row.table) else f"{row.table:.3f}"
        lines.append(f"| {row.what} | {row.samples:.3f} | {row.photographs:.3f} | {table} |")
    return "\n".join([*lines, "", f"*{rows.data.iloc[0]}; {int(rows.n.iloc[0]):,} samples of {model}.*"])


def within(model: str, *, quarter: str = "") -> str:
    """Return how many attributes have a rate that agrees with the photographs', and of how many.

    ``quarter=yes``: within a quarter of it. Otherwise two points count as agreement too, which rare attributes have
    even if they are hardly ever drawn.
    """
    rows = frame(GENERATOR.format(model))
    rows = rows[(rows.kind == "rate") & ~rows.what.isin(FEATURES)]
    agrees = rows.agrees.astype(str) == "True"
    if quarter:
        agrees = (rows.samples - rows.photographs).abs() <= rows.photographs / 4
    return f"{int(agrees.sum())} of {len(rows)}"


def copies(model: str) -> str:
    """Return how far samples are from the nearest photograph, and how many photographs have a nearer other one."""
    rows = frame(GENERATOR.format(model))
    shown = rows[rows.kind == "nearest"].assign(space=lambda r: r.what.str.split(",").str[0])
    lines = ["| space | distance: least, median | photographs with a nearer other one: least, median |", "|-|-|-|"]
    for space, group in shown.groupby("space", sort=False):
        near, share = group.samples, group.photographs
        lines.append(
            f"| {space if space == 'pixels' else f'`{space}`'} | {near.min():.3f}, {near.median():.3f} "
            f"| {share.min():.2f}, {share.median():.2f} |"
        )
    count = int(shown.groupby("space").size().max())
    return "\n".join([*lines, "", f"*{rows.data.iloc[0]}; the first {count} samples of {model}.*"])
