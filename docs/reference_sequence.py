"""The table of two features unlearned one after the other, in Markdown."""

from __future__ import annotations

from reference_numbers import frame, spread

FID = "fid[digits]"
AFTER = ("before", "after the first", "after the second")


def sequence() -> str:
    """Return for both orders the target ratios and the FID after each request (vae/sequential)."""
    rows = frame("vae/sequential").fillna({"feature": ""})
    lines = [f"| order | | {' | '.join(AFTER)} |", "|-|-|-|-|-|"]
    for order, group in rows.groupby("order", sort=False):
        shown = [(name, group[group.feature == name], "target_ratio") for name in str(order).split(", ")]
        for name, found, metric in [*shown, ("", group[group.metric == FID], FID)]:
            cells = [
                spread(metric, values.mean(), values.std()) if len(values := found[found.after == after].value) else ""
                for after in range(len(AFTER))
            ]
            what = f"target ratio, {name}" if name else f"`{FID}`"
            lines.append(f"| {order if name == str(order).split(', ')[0] else ''} | {what} | {' | '.join(cells)} |")
    data, n, seeds = rows.data.iloc[0], int(rows.n.max()), rows.seed.nunique()
    where = f"{data}; `ours` on the VAE; {n:,} samples, the first original's cuts"
    return "\n".join([*lines, "", f"*{where}; mean ± standard deviation over {seeds} seeds.*"])
