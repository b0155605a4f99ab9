"""Warnings about cells whose numbers mislead: oracles disagree or see unfamiliar images, or the generator collapsed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from bench.workspace.store.record import Record

COLLAPSED = 0.5  # share of the original's inception score above 1; results/reference has 0.75 and more in every row
FAR = 0.15  # share of samples; real images are at 0.05, and oracles err from here on (docs/results/judge-distance.md)
LEAST_KAPPA = 0.8  # "almost perfect" from here on (Landis and Koch 1977, Biometrics 33:159)


def doubted(record: Record) -> float | None:
    """Return Cohen's kappa of the oracles on the original's samples if it is too low to trust one alone."""
    agreement = record.value("oracle_kappa")
    return agreement if agreement is not None and agreement < LEAST_KAPPA else None


def warning_of(record: Record) -> str | None:
    """Return a warning if a cell's oracles disagree; None if they do not, or if there is only one."""
    agreement = doubted(record)
    if agreement is None:
        return None
    share = record.value("oracle_disagreement")
    assert share is not None
    return (
        f"warning: the oracle that clicked and the judge disagree on {share:.1%} of the original's samples (Cohen's "
        f"kappa {_below(agreement):.2f}, below {LEAST_KAPPA}). These samples look unlike what they learnt from: look "
        "at judge-surest.png, the samples that the judge is surest about, and read both target ratios"
    )


def strayed(record: Record) -> tuple[str, float] | None:
    """Return the extractor by which most samples are far from what the judge learnt from, and their share, if many."""
    shares = {
        name.partition("[")[2].rstrip("]"): max(
            filter(None, (record.value(name), record.value(f"original_{name}"))), default=0
        )
        for name in record.metrics
        if name.startswith("oracle_far[")
    }
    most = max(shares, key=lambda name: shares[name], default=None)
    return None if most is None or shares[most] < FAR else (most, shares[most])


def distance_of(record: Record) -> str | None:
    """Return a warning if a cell's samples look unlike the judge's training images; None if they do not."""
    found = strayed(record)
    if found is None:
        return None
    of = (("the", "oracle_far"), ("the original's", "original_oracle_far"))
    shares = ((whose, record.value(f"{metric}[{found[0]}]")) for whose, metric in of)
    said = " and ".join(f"{share:.0%} of {whose} samples" for whose, share in shares if share is not None)
    return (
        f"warning: {said} are farther from the nearest training image than 95 % of "
        f"training images are from each other (extractor {found[0]}). From {FAR:.0%} on, oracles were seen to err: "
        "look at judge-surest.png, the samples that the judge is surest about"
    )


def collapse_of(record: Record) -> str | None:
    """Return a warning if a cell's generator collapsed, so that a low ratio is no success; None if it did not.

    The inception score is 1 where all images look alike. What exceeds 1 is compared with the original's.
    """
    start = "inception_score["
    for extractor in sorted(name.removeprefix(start)[:-1] for name in record.metrics if name.startswith(start)):
        of = {name: _before_and_after(record, name, extractor) for name in ("inception_score", "fid")}
        if (scores := of["inception_score"]) is None or scores[1] - 1 >= COLLAPSED * (scores[0] - 1):
            continue
        distances = "" if of["fid"] is None else f", fid[{extractor}] {of['fid'][0]:.4g} -> {of['fid'][1]:.4g}"
        return (
            f"warning: the generator collapsed: inception_score[{extractor}] {scores[0]:.4g} -> {scores[1]:.4g}"
            f"{distances}. Its images look alike, so a low ratio says nothing of the feature: look at the picture, and "
            "train with a smaller learning rate or fewer steps"
        )
    return None


def _before_and_after(record: Record, name: str, extractor: str) -> tuple[float, float] | None:
    """Return a value of the original and of the unlearned generator."""
    now, change = record.value(f"{name}[{extractor}]"), record.value(f"{name}_change[{extractor}]")
    return None if now is None or change is None else (now - change, now)


def warnings_of(record: Record) -> list[str]:
    """Return all warnings about a cell, as sentences."""
    return [told for told in (warning_of(record), distance_of(record), collapse_of(record)) if told]


def caption_of(records: Iterable[Record]) -> list[str]:
    """Name where the oracles disagree, where images look unfamiliar to them, and which generators collapsed."""
    kappas: dict[str, float] = {}
    shares: dict[str, float] = {}
    collapsed: dict[str, None] = {}
    for record in records:
        if (agreement := doubted(record)) is not None:
            kappas[f"{record.model} {record.feature}"] = _below(agreement)
        if (far := strayed(record)) is not None:
            shares[record.model] = max(far[1], shares.get(record.model, 0.0))
        if collapse_of(record) is not None:
            collapsed[f"{record.model} {record.feature}, {record.method}"] = None
    sentences = []
    if collapsed:
        sentences.append(
            f"Warning: the generator collapsed ({'; '.join(sorted(collapsed))}). Its images look alike, so a low ratio "
            "says nothing of the feature."
        )
    if kappas:
        sentences.append(
            "Warning: the oracle that clicked and the judge disagree on the original's samples, so a ratio depends on "
            f"who judges (Cohen's kappa below {LEAST_KAPPA}: {_told(kappas)})."
        )
    if shares:
        sentences.append(
            f"Warning: many samples look unlike what the judge learnt from (share that is far, up to: {_told(shares)}; "
            f"real images 0.05, oracles err from {FAR} on)."
        )
    return sentences


def _below(kappa: float) -> float:
    """Cut to two digits: 0.797 is below 0.8, and must not be told as 0.80."""
    return math.floor(kappa * 100) / 100


def _told(found: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in sorted(found.items()))
