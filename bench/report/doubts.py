"""What is said of a cell whose numbers mislead: two oracles disagree, or the generator collapsed."""

from __future__ import annotations

from collections.abc import Iterable

from bench.workspace.record import Record

COLLAPSED = 0.5  # share of the original's inception score above 1; results/reference has 0.75 and more in every row
LEAST_KAPPA = 0.8  # "almost perfect" from here on (Landis and Koch 1977, Biometrics 33:159)


def doubted(record: Record) -> float | None:
    """Return Cohen's kappa of the oracles on the original's samples if it is too low to trust one alone."""
    agreement = record.value("oracle_kappa")
    return agreement if agreement is not None and agreement < LEAST_KAPPA else None


def warning_of(record: Record) -> str | None:
    """Say of a cell how far its oracles disagree; None if they do not, or if there is only one."""
    agreement = doubted(record)
    if agreement is None:
        return None
    share = record.value("oracle_disagreement")
    assert share is not None
    return (
        f"warning: the oracle that clicked and the judge disagree on {share:.1%} of the original's samples (Cohen's "
        f"kappa {agreement:.2f}, below {LEAST_KAPPA}). These samples look unlike what they learnt from: look at the "
        "sheet of those that the judge is surest about, and read both target ratios"
    )


def collapse_of(record: Record) -> str | None:
    """Say of a cell that its generator collapsed, so that a low ratio is no success; None if it did not.

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


def caption_of(records: Iterable[Record]) -> list[str]:
    """Say of which models and features the oracles disagree."""
    found: dict[str, float] = {}
    for record in records:
        if (agreement := doubted(record)) is not None:
            found[f"{record.model} {record.feature}"] = agreement
    if not found:
        return []
    told = ", ".join(f"{name} {agreement:.2f}" for name, agreement in sorted(found.items()))
    return [
        "Warning: the oracle that clicked and the judge disagree on the original's samples, so a ratio depends on who "
        f"judges (Cohen's kappa below {LEAST_KAPPA}: {told})."
    ]
