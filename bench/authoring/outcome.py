"""Outcomes of a plug-in's checks, and how ``bench check`` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check.

    Attributes
    ----------
    plugin : str
        Its kind and name.
    check : str
    problem : str or None
        None if it passed, or had nothing to look at.
    not_checked : str or None
        Why it had nothing to look at.
    """

    plugin: str
    check: str
    problem: str | None
    not_checked: str | None = None


def line_of(outcome: Outcome, before: Sequence[Outcome] = ()) -> str:
    """Return one line for an outcome, and a second line with the problem unless a check ``before`` had the same."""
    if outcome.problem is not None:
        said = next((each.check for each in before if each.problem == outcome.problem), None)
        problem = outcome.problem if said is None else f"as {said}"
        return f"FAILED {outcome.plugin}: {outcome.check}\n       {problem}"
    sign = "ok    " if outcome.not_checked is None else "-     "
    return f"{sign} {outcome.plugin}: {outcome.check}"


def summary(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield why checks had nothing to look at, and the counts."""
    for reason in dict.fromkeys(outcome.not_checked for outcome in outcomes if outcome.not_checked):
        names = ", ".join(outcome.check for outcome in outcomes if outcome.not_checked == reason)
        yield f"Not checked ({names}): {reason}"
    failed = sum(outcome.problem is not None for outcome in outcomes)
    skipped = sum(outcome.not_checked is not None for outcome in outcomes)
    passed = len(outcomes) - failed - skipped
    yield f"{passed} passed, {failed} failed" + (f", {skipped} not checked" if skipped else "")
