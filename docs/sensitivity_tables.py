"""Tables of what each distance sees and of what its intervals hold, from results/reference, in Markdown."""

from __future__ import annotations

from typing import Any

import pandas as pd
from reference_numbers import frame

DATA = {"faces": "synthfaces (synthetic), test faces", "digits": "MNIST (real), test digits"}
FEATURES = {"faces": ("bang", "beard"), "digits": ("thickness", "slant")}
GENERATORS = "judge-distance-generators"
MARKS = {"yes": "", "paired": " (paired)", "no": " (not seen)"}


def sensitivity(images: str, *, n: str, metrics: str) -> str:
    """Return a row per alteration: the change of each metric with half of its 95 % interval.

    Parameters
    ----------
    images : str
        ``faces`` or ``digits``.
    n : str
        Number of pictures.
    metrics : str
        Comma list.
    """
    rows, chosen = frame(f"sensitivity-{images}"), metrics.split(",")
    rows = rows[(rows.n == int(n)) & rows.metric.isin(chosen)]
    if missing := set(chosen) - set(rows.metric):
        raise ValueError(f"sensitivity-{images}: no number of {', '.join(sorted(missing))} at n = {n}")
    lines = ["| | " + " | ".join(f"`{metric}`" for metric in chosen) + " |", "|-" * (len(chosen) + 1) + "|"]
    for i, (name, group) in enumerate(rows.groupby("alteration", sort=False)):
        cells = [_cell(group[group.metric == metric].iloc[0], first=i == 0) for metric in chosen]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    reading = "First row: the value ± half of its 95 % interval. Other rows: its change ± half of the interval of that."
    return "\n".join([*lines, "", f"*{DATA[images]}; n = {int(n):,}. {reading}*"])


def coverage() -> str:
    """Return a row per number of samples and metric: half widths of intervals, and the spread of repeated draws."""
    lines = ["| n | | half width | of repeated draws | hold the mean |", "|-|-|-|-|-|"]
    for row in frame("interval-coverage").itertuples():
        places = _decimals(float(row.half_width_of_draws))
        widths = f"{row.half_width:.{places}f} | {row.half_width_of_draws:.{places}f}"
        lines.append(f"| {row.n:,} | `{row.metric}` | {widths} | {100 * row.coverage:.0f} % |")
    draws = int(frame("interval-coverage").draws.iloc[0])
    return "\n".join([*lines, "", f"*VAE trained on MNIST (real), and `ours` for thickness; {draws} draws each.*"])


def covered(metric: str, *, n: str) -> str:
    """Return how many of the intervals of a metric hold the mean of all draws, as a percentage."""
    rows = frame("interval-coverage")
    found = rows[(rows.metric == metric) & (rows.n == int(n))]
    if len(found) != 1:
        raise ValueError(f"interval-coverage: has {len(found)} rows of {metric} at n = {n}")
    return f"{100 * found.coverage.iloc[0]:.0f} %"


def _cell(row: pd.Series[Any], *, first: bool) -> str:
    number, half = (row["value"], row.half_width) if first else (row.change, row.change_half_width)
    if number == half == 0:
        return "0"
    sign, mark, places = ("", "", _decimals(half)) if first else ("+", MARKS[row.seen], _decimals(half))
    return f"{number:{sign}.{places}f}\u00a0±\u00a0{half:.{places}f}{mark}"


def _decimals(half: float) -> int:
    """Return how many decimals show two digits of an interval."""
    return max(0, 1 - int(f"{half:e}".partition("e")[2]))


def home(images: str) -> str:
    """Return a row per alteration: how far the judge's labels agree with the truth, and the share that is far.

    Parameters
    ----------
    images : str
        ``faces`` or ``digits``.
    """
    rows, names = frame(f"judge-distance-{images}"), FEATURES[images]
    lines = [f"| | {' | '.join(f'kappa, {name}' for name in names)} | `oracle_far` |", "|-|-|-|-|"]
    lines += [f"| {r.alteration} | {r.kappa_1:.2f} | {r.kappa_2:.2f} | {r.far:.2f} |" for r in rows.itertuples()]
    first = rows.iloc[0]
    return "\n".join([*lines, "", f"*{DATA[images]}; n = {first.n:,}; extractor {first.extractor}.*"])


def generators() -> str:
    """Return a row per kind of digits: the share that is far, and how far two readers of thickness agree."""
    rows = frame(GENERATORS)
    lines = ["| | `oracle_far` | kappa of two readers of thickness |", "|-|-|-|"]
    for r in rows.itertuples():
        far, agreed = (
            f"{a:.2f} ({b:.2f} to {c:.2f})"
            for a, b, c in ((r.far, r.far_low, r.far_high), (r.kappa, r.kappa_low, r.kappa_high))
        )
        lines.append(f"| {r.images if r.images == 'test digits' else f'samples of {r.images}'} | {far} | {agreed} |")
    first = rows.iloc[0]
    covers = "in parentheses: 95 % intervals over samples"
    return "\n".join([*lines, "", f"*MNIST (real); n = {first.n:,} each; extractor {first.extractor}; {covers}.*"])


def strange(images: str, what: str) -> str:
    """Return a number of ``judge-distance-generators``: what is ``far`` or ``kappa``."""
    rows = frame(GENERATORS)
    found = rows[rows.images == images]
    if len(found) != 1:
        raise ValueError(f"{GENERATORS}: has {len(found)} rows of {images}")
    return f"{found[what].iloc[0]:.2f}"


def altered(images: str, alteration: str, what: str) -> str:
    """Return a number of ``judge-distance-IMAGES``: ``far``, or ``kappa_1`` of its first feature."""
    rows = frame(f"judge-distance-{images}")
    found = rows[rows.alteration == alteration]
    if len(found) != 1:
        raise ValueError(f"judge-distance-{images}: has {len(found)} rows of {alteration}")
    return f"{found[what].iloc[0]:.2f}"


def selection(images: str) -> str:
    """Return a row per reading that the default was chosen from.

    Parameters
    ----------
    images : str
        ``mnist``, ``proggan``, ``vdvae`` or ``celeba-proggan``.
    """
    rows = frame(f"selection-{images}")
    first = "threshold / step / batches an epoch / L1" if images == "mnist" else "recipe / steps / learning rate"
    lines = [
        f"| {first} | left | worst cell | retain change | seeds | |",
        "|-|-|-|-|-|-|",
    ]
    lines += [
        f"| {r.reading} | {r.left:.3f} | {r.worst:.2f} | {r.damage:.4f} | {r.seeds} | {r.verdict} |"
        for r in rows.itertuples()
    ]
    return "\n".join(
        [*lines, "", f"*{rows.cells.iloc[0]} cells (model and feature); geometric means, worst cell aside.*"]
    )


def recipes(images: str) -> str:
    """Return a row per model and method: the recipe that its trials chose.

    Parameters
    ----------
    images : str
        ``mnist``, or ``mnist-uno`` for further trials of two methods.
    """
    rows = frame(f"selection-methods-{images}")
    lines = ["| model | method | recipe | left | worst cell | retain change | |", "|-|-|-|-|-|-|-|"]
    lines += [
        f"| {r.model} | `{r.method}` | {r.params} | {r.left:.3f} | {r.worst:.2f} | {r.damage:.4f} "
        f"| {'' if r.removes else 'leaves more'} |"
        for r in rows.itertuples()
    ]
    each = f"{rows.cells.iloc[0]} cells (features) and {rows.trials.iloc[0]} trials each"
    caption = f"*{each}; left and retain change: geometric means.*"
    return "\n".join([*lines, "", caption])


def spreads(method: str) -> str:
    """Return a row per variant of a method: what it leaves and changes, and how much that spreads over the clicks.

    Parameters
    ----------
    method : str
        ``surrogate``.
    """
    rows = frame(f"selection-{method}").fillna({"variant": ""})
    lines = [
        "| model, feature | variant | seeds | target ratio | s.d. / mean | of counting | | retain change |",
        "|-|-|-|-|-|-|-|-|",
    ]
    for r in rows.itertuples():
        today = rows[(rows.model == r.model) & (rows.feature == r.feature) & (rows.variant == "")].iloc[0]
        apart = r.high < today.low or r.low > today.high
        told = "" if r.variant == "" else "another spread" if apart else "not shown to differ"
        lines.append(
            f"| {r.model}, {r.feature} | {r.variant or 'the default'} | {r.seeds} | {r.target_ratio:.4f} ± {r.sd:.4f} "
            f"| {r.spread:.2f} ({r.low:.2f} to {r.high:.2f}) | {r.counting:.2f} | {told} | {r.retain_change:.4f} |"
        )
    return "\n".join([*lines, "", f"*n = {rows.n.iloc[0]:,} samples for each seed; ±: standard deviation over seeds.*"])
