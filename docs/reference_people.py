"""Tables of synthfaces: its rates and correlations next to CelebA's, and the floor of the counterfactual metric."""

from __future__ import annotations

import pandas as pd
from reference_numbers import frame

FILE = "celeba-attributes"
RATE, CORRELATION, SHARE = "rate", "correlation", "share"
LARGE = 0.1  # a difference of correlations from which it is counted as large


def people(kind: str, *, most: str = "") -> str:
    """Return the attributes or pairs that differ most, largest gap first: ``rate``, ``correlation`` or ``share``."""
    rows = _rows(kind)
    shown = rows.head(int(most)) if most else rows
    heads = {RATE: "attribute", CORRELATION: "pair", SHARE: "of those with | have"}[kind]
    lines = [f"| {heads} | CelebA | synthfaces | difference |", "|-" * (4 + (kind == SHARE)) + "|"]
    for _, row in shown.iterrows():
        named = {
            RATE: f"{row.attribute}",
            CORRELATION: f"{row.attribute}, {row.other}",
            SHARE: f"{row.other} | {row.attribute}",
        }
        lines.append(f"| {named[kind]} | {row.celeba:.3f} | {row.synthfaces:.3f} | {row.gap:+.3f} |")
    return "\n".join([*lines, "", f"*{_caption(kind, rows, len(shown))}*"])


def apart(kind: str) -> str:
    """Return the mean absolute difference of a kind of rows."""
    return f"{_rows(kind).gap.abs().mean():.3f}"


def large(kind: str) -> str:
    """Return how many rows of a kind differ by more than a tenth, and of how many."""
    rows = _rows(kind)
    return f"{int((rows.gap.abs() > LARGE).sum())} of {len(rows)}"


def floor() -> str:
    """Return the table of the floor of ``counterfactual_error``."""
    lines = ["| feature | inside, the truth | outside, the truth | inside, nothing changed |", "|-|-|-|-|"]
    rows = frame("counterfactual-floor")
    for _, row in rows.iterrows():
        lines.append(f"| {row.feature} | {row.inside:.4f} | {row.outside:.6f} | {row.unedited:.4f} |")
    pairs = int(rows.pairs.iloc[0])
    return "\n".join([*lines, "", f"*synthfaces (synthetic); {pairs:,} held-out true pairs of each feature.*"])


def _rows(kind: str) -> pd.DataFrame:
    rows = frame(FILE)
    rows = rows[rows.kind == kind].assign(gap=lambda r: r.synthfaces - r.celeba)
    return rows.reindex(rows.gap.abs().sort_values(ascending=False, kind="stable").index)


def _caption(kind: str, rows: pd.DataFrame, shown: int) -> str:
    theirs, ours = int(rows.celeba_n.iloc[0]), int(rows.synthfaces_n.iloc[0])
    n = f"CelebA's official table: {theirs:,} rows; synthfaces (train): {ours:,}"
    which = "all" if shown == len(rows) else f"the {shown} largest differences"
    kinds = {RATE: "rates", CORRELATION: "correlations (phi) of pairs", SHARE: "shares within facial hair"}
    return f"{which} of {len(rows)} {kinds[kind]}. {n}."
