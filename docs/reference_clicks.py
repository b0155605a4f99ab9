"""What was measured of the page of `bench serve`: the order of the images, and mistakes."""

from __future__ import annotations

from reference_numbers import frame

from bench.report.digits import decimals


def order() -> str:
    """Return how many images must be looked at for 50 positives (click-order), a row per model and feature."""
    rows = frame("click-order")
    lines = ["| model, feature | share | as drawn | most likely next |", "|-|-|-|-|"]
    for (model, feature), found in rows.groupby(["model", "feature"], sort=False):
        mean = found[["share", "drawn", "likely"]].mean()
        lines.append(
            f"| {model}, {feature} | {100 * mean['share']:.0f} % | {mean['drawn']:.0f} | {mean['likely']:.0f} |"
        )
    seeds = int(rows.groupby(["model", "feature"]).size().max())
    caption = (
        "*Images that must be looked at until 50 with the feature were found: pages of 100 of 5,000 samples; an oracle "
        "stands for the person, and a page is clicked before the next is chosen; mean over the sets of samples (up to "
        f"{seeds}).*"
    )
    return "\n".join([*lines, "", caption])


def noise(model: str) -> str:
    """Return how much is left after clicks of which a share was mistaken (click-noise), a row per share."""
    rows = frame("click-noise")
    rows = rows[rows["model"] == model]
    methods = list(dict.fromkeys(rows["method"]))
    lines = [
        f"| mistaken clicks | estimated from images shown twice | {' | '.join(methods)} |",
        "|-|-|" + "-|" * len(methods),
    ]
    for share, found in rows.groupby("noise"):
        cells = []
        for method in methods:
            ratios = found[found["method"] == method]["target_ratio"]
            mean = ratios.mean()
            cells.append(f"{mean:.{max(4, decimals(mean, None))}f}" if len(ratios) else "–")
        estimate = found[["estimate", "estimate_low", "estimate_high"]].mean() * 100
        told = f"{estimate.iloc[0]:.0f} % [{estimate.iloc[1]:.0f}, {estimate.iloc[2]:.0f}]"
        lines.append(f"| {100 * share:g} % | {told} | {' | '.join(cells)} |")
    first = rows.iloc[0]
    seeds = sorted(set(rows["seed"]))
    over = f"mean over seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {seeds[0]}"
    caption = (
        f"*Share of samples with {first['feature']} after unlearning, {model}, of {first['original_target_ratio']:.4f} "
        f"before; {int(first['count']):,} images looked at; {int(first['evaluated']):,} samples judged; "
        f"{over} of samples and mistakes; brackets: mean of the 95 % intervals.*"
    )
    return "\n".join([*lines, "", caption])
