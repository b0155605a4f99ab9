"""The table of one run of each method, evaluated after some of its steps, in Markdown."""

from __future__ import annotations

import re

from reference_numbers import frame, spread
from reference_tables import caption

SHOWN = {
    "target_ratio": "target ratio",
    "retain_change": "retain change",
    "fid[digits]": "`fid[digits]`",
    "seconds": "seconds",
}
LABEL = re.compile(r"(?P<method>.+), (?P<step>\d+) steps?")


def steps(file: str, feature: str) -> str:
    """Return three rows per method of a ``table-steps``: what is left, what it cost and how long it took, step by step.

    Parameters
    ----------
    file : str
        ``vae/table-steps``.
    feature : str
    """
    rows = frame(file)
    rows = rows[(rows["feature"] == feature) & rows["metric"].isin(SHOWN) & rows["mean"].notna()]
    labels = rows["variant"].str.extract(LABEL)
    rows = rows.assign(method=labels["method"], step=labels["step"].astype(int), best=False)  # of steps, none is best
    at = sorted(set(rows["step"]))
    lines = [f"| after so many steps | | {' | '.join(map(str, at))} |", "|-" * (len(at) + 2) + "|"]
    for method, group in rows.groupby("method", sort=False):
        for metric, name in SHOWN.items():
            found = group[group["metric"] == metric].set_index("step")
            cells = [spread(metric, found["mean"][n], found["sd"][n]) if n in found.index else "" for n in at]
            lines.append(f"| {method if metric == 'target_ratio' else ''} | {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", caption(rows, False, [])])
