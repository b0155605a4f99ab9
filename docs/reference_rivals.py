"""The table of digit 1 on a VAE of others, in Markdown."""

from __future__ import annotations

import pandas as pd
from reference_numbers import frame, spread

SHOWN = {
    "target_ratio": "target ratio ↓",
    "retain_change": "retain change ↓",
    "fid_retain[digits]": "`fid_retain[digits]` ↓",
    "attribute_shift": "attribute shift ↓",
}  # not the seconds: other work took the cores, unevenly
DATA = "training_data"


def rival() -> str:
    """Return a row per case of ``rival-digit``."""
    rows = frame("rival-digit")
    lines = [f"| | {' | '.join(SHOWN.values())} | seeds |", "|-" * (len(SHOWN) + 2) + "|"]
    for case, group in rows.groupby("case", sort=False):
        cells = [_spread(group[group["metric"] == metric]) for metric in SHOWN]
        with_data = any(DATA in str(each).split() for each in group["needs"].dropna())
        name = f"{case} (needs the training data)" if with_data else str(case)
        lines.append(f"| {name} | {' | '.join(cells)} | {group['seed'].nunique()} |")
    n = int(rows.loc[rows["metric"] == "target_ratio", "n"].max())
    judge = "a copy of digit_reader clicks, another one judges"
    caption = f"MNIST (real); {judge}; {n:,} samples each; mean ± standard deviation over seeds"
    return "\n".join([*lines, "", f"*{caption}.*"])


def _spread(found: pd.DataFrame) -> str:
    return spread(str(found["metric"].iloc[0]), float(found["value"].mean()), float(found["value"].std()))
