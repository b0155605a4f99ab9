"""Is the oracle fit for this generator? What is said where two oracles disagree on its samples."""

from __future__ import annotations

from collections.abc import Iterable

from bench.workspace.record import Record

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
