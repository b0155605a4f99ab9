"""Write the numbers of README and docs from results/reference; run it after a reference result has changed.

A number or a table stands between two marks, and the first one says what it is::

    <!-- generated: table vae/table-2 feature=thickness metrics=target_ratio,roc_auc -->
    ...
    <!-- /generated -->

``python docs/generate.py`` rewrites what stands between the marks. With ``--check`` it changes nothing and ends with 1
if something would change.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import reference_claims
import reference_clicks
import reference_fools
import reference_numbers
import reference_people
import reference_photographs
import reference_rivals
import reference_sequence
import reference_steps
import reference_tables
import reference_trends
import sensitivity_tables

ROOT = Path(__file__).resolve().parents[1]
MARKED = re.compile(
    r"(?P<open><!-- generated: (?P<what>.*?) -->)(?P<text>.*?)(?P<close><!-- /generated -->)", re.DOTALL
)
MAKERS: dict[str, Callable[..., str]] = {
    "mean": reference_numbers.mean,
    "paper": reference_numbers.paper,
    "part": reference_numbers.part,
    "percent": reference_numbers.percent,
    "rise": reference_numbers.rise,
    "value": reference_numbers.value,
    "table": reference_tables.table,
    "sizes": reference_tables.sizes,
    "learnt": reference_tables.learnt,
    "summary": reference_tables.summary,
    "sensitivity": sensitivity_tables.sensitivity,
    "coverage": sensitivity_tables.coverage,
    "covered": sensitivity_tables.covered,
    "home": sensitivity_tables.home,
    "generators": sensitivity_tables.generators,
    "strange": sensitivity_tables.strange,
    "altered": sensitivity_tables.altered,
    "selection": sensitivity_tables.selection,
    "recipes": sensitivity_tables.recipes,
    "spreads": sensitivity_tables.spreads,
    "order": reference_clicks.order,
    "noise": reference_clicks.noise,
    "claims": reference_claims.claims,
    "verdicts": reference_claims.verdicts,
    "trends": reference_trends.trends,
    "people": reference_people.people,
    "apart": reference_people.apart,
    "large": reference_people.large,
    "rival": reference_rivals.rival,
    "sequence": reference_sequence.sequence,
    "steps": reference_steps.steps,
    "fools": reference_fools.fools,
    "floor": reference_people.floor,
    "oracles": reference_photographs.oracles,
    "drawn": reference_photographs.drawn,
    "copies": reference_photographs.copies,
    "within": reference_photographs.within,
}


def pages() -> Iterator[Path]:
    """Yield every page that may hold generated numbers."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def made(what: str) -> str:
    """Return what a mark asks for: the maker's name, then its arguments.

    Raises
    ------
    ValueError
        If the maker, file, row or column is unknown.
    """
    name, *words = shlex.split(what)
    if name not in MAKERS:
        raise ValueError(f"'{name}': nothing generates this; known: {', '.join(MAKERS)}")
    named = dict(word.split("=", 1) for word in words if re.match(r"\w+=", word))
    return MAKERS[name](*(word for word in words if not re.match(r"\w+=", word)), **named)


def rewritten(text: str) -> str:
    """Return a page with everything between marks made anew."""

    def replace(found: re.Match[str]) -> str:
        content = made(found["what"])
        margin = "\n\n" if "\n" in content else ""
        return f"{found['open']}{margin}{content}{margin}{found['close']}"

    return MARKED.sub(replace, text)


def main() -> int:
    """Rewrite every page, or with ``--check`` only name those that drifted."""
    check, drifted = "--check" in sys.argv[1:], []
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = rewritten(before)
        if after != before:
            drifted.append(page.relative_to(ROOT))
            if not check:
                page.write_text(after, encoding="utf-8")
    sys.stdout.writelines(f"{page}: {'differs' if check else 'written'}\n" for page in drifted)
    return int(check and bool(drifted))


if __name__ == "__main__":
    sys.exit(main())
