"""Notes on the share of images with the feature before unlearning, and on the quality of a learnt judge."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.page.cells import StoredCell
from bench.workspace.store.record import Measurement

RATIOS = ("target_ratio", "clicker_target_ratio", "learnt_target_ratio", "clicked_ratio")


def before_lines(cells: Sequence[StoredCell]) -> list[str]:
    """Say for each share of the table what it was before unlearning, and of how many images."""
    return [
        f"Before unlearning: {metric} {_values(found, 4)}, of {_counts(found)} "
        + ("images that the clicks are about, not fresh ones." if metric == "clicked_ratio" else "fresh images.")
        for metric in RATIOS
        if (found := _all(cells, f"original_{metric}"))
    ]


def judge_lines(cells: Sequence[StoredCell]) -> list[str]:
    """Say how far learnt_target_ratio can be trusted; nothing where no judge was learnt."""
    agreement, resolution = _all(cells, "learnt_agreement"), _all(cells, "learnt_resolution")
    if not agreement or not resolution:
        return []
    return [
        "learnt_target_ratio is by a judge learnt from the clicks. It agrees with clicks that it had not seen by "
        f"{_values(agreement, 2)} (1 is always, 0.5 is chance), and cannot tell a share below "
        f"{_range([each.value for each in resolution], 3)} from none."
    ]


def _all(cells: Sequence[StoredCell], metric: str) -> list[Measurement]:
    return [cell.record.metrics[metric] for cell in cells if metric in cell.record.metrics]


def _values(found: Sequence[Measurement], places: int) -> str:
    """Write the value of all cells with its interval, or the least and the largest where they differ."""
    text = _range([each.value for each in found], places)
    first = found[0]
    if " to " in text or first.low is None or first.high is None:
        return text
    return f"{text} [{first.low:.{places}f}, {first.high:.{places}f}]"


def _range(values: Sequence[float], places: int) -> str:
    return " to ".join(dict.fromkeys(f"{value:.{places}f}" for value in (min(values), max(values))))


def _counts(found: Sequence[Measurement]) -> str:
    return " to ".join(dict.fromkeys(f"{n:,}" for n in (min(m.n for m in found), max(m.n for m in found))))
