"""The table of what independent readers see after unlearning, in Markdown."""

from __future__ import annotations

import pandas as pd
from reference_numbers import frame

READERS = (
    "own classifiers", "fresh classifiers", "learnt judge", "linear", "clicker", "judge",
    "judge, blurred", "judge, noisy",
)  # fmt: skip


def fools() -> str:
    """Return a row per model, feature and method of ``fools-or-removes``: what is left of what each reader saw, %."""
    rows = frame("fools-or-removes")
    lines = [f"| | {' | '.join(READERS)} | seeds |", "|-" * (len(READERS) + 2) + "|"]
    for (model, feature, method), found in rows.groupby(["model", "feature", "method"], sort=False):
        cells = [_left(_of(found, reader)) for reader in READERS]
        lines.append(f"| {model}, {feature}, {method} | {' | '.join(cells)} | {found['seed'].nunique()} |")
    wide, few = int(rows["n"].max()), int(rows["n"].min())
    sources = {
        "vae and dcgan": "MNIST (real), morpho_mnist clicks and judges",
        "proggan": "synthfaces (synthetic), one copy of mobilenet clicks and another one judges",
    }
    caption = (
        "*What is left, in % of what the reader saw before unlearning; mean over seeds; brackets: mean of the 95 % "
        f"intervals. {few:,} to {wide:,} samples. {'; '.join(f'{who}: {what}' for who, what in sources.items())}. "
        f"Blurred: by the widest Gaussian in the file, {_widths(rows)}.*"
    )
    return "\n".join([*lines, "", caption])


def _of(found: pd.DataFrame, reader: str) -> pd.DataFrame:
    """Return the rows of a reader; of several blurs the widest."""
    exact = found[found["reader"] == reader]
    if len(exact) or not reader.endswith("blurred"):
        return exact
    named = [each for each in found["reader"].unique() if each.startswith(f"{reader} ")]
    return found[found["reader"] == max(named, key=_width)] if named else exact


def _width(reader: str) -> float:
    return float(reader.split()[-2])


def _widths(rows: pd.DataFrame) -> str:
    parts = []
    for label, models in (("MNIST", ["vae", "dcgan"]), ("faces", ["proggan"])):
        names = rows[rows["model"].isin(models)]["reader"].drop_duplicates()
        widths = [_width(each) for each in names if each.startswith("judge, blurred")]
        parts += [f"{max(widths):g} px on {label}"] if widths else []
    return ", ".join(parts)


def _left(found: pd.DataFrame) -> str:
    if found.empty:
        return ""
    mean = 100 * found[["ratio", "low", "high"]].mean()
    return "{} [{}, {}]".format(*(_plain(value) for value in mean))


def _plain(value: float) -> str:
    """Return a percentage with two significant digits, never in powers of ten."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.1 else f"{value:.2f}" if value else "0"
