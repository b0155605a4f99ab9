"""The caption of a table: seeds, samples, clicks, suite and overrides, data, extractors, and differing machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.experiments.cells.cell import Cell
from bench.report import doubts
from bench.report.tables import truth
from bench.report.tables.about import AGREEMENT
from bench.report.tables.agreement import METRICS
from bench.report.tables.columns import empty
from bench.report.tables.definitions import SEEDS, Options, Table
from bench.report.tables.entry import Entry
from bench.report.tables.grid import INTERVALS
from bench.report.tables.row import Row
from bench.workspace.settings.suites import load_suite
from bench.workspace.store.record import MachineFacts

EMBEDDED = {
    "inception_score": "IS",
    "fid": "FID",
    "fid_retain": "FID",
    "fid_counterfactual": "FID",
    "kid": "KID",
}  # metrics of an extractor's embeddings, as captions call them
BEST = (
    "of the methods that need clicks alone and have two seeds or more, references aside: the best, and those that "
    "paired 95 % intervals over seeds cannot tell from it"
)


def caption_of(
    table: Table,
    rows: Sequence[Row],
    entries: Sequence[Entry],
    options: Options,
    best: str = "Bold",
    *,
    brackets: bool = True,
) -> str:
    """Write the caption of a table.

    Parameters
    ----------
    table : Table
    rows : sequence of Row
    entries : sequence of Entry
    options : Options
    best : str
        How the best numbers are printed.
    brackets : bool
        Whether intervals are printed.
    """
    parts = [f"{table.title}.", *([table.about] if table.about else [])]
    if table.variants:
        parts += _samples(rows, entries, options)
    parts += [_suite(options), f"Data: {'; '.join(sorted({row.data for row in rows}))}."]
    parts += _extractors(rows)
    parts += _empty(table, rows)
    parts += _intervals(rows) if brackets else []
    parts += [floor] if (floor := truth.floors(rows, entries)) else []
    parts += [AGREEMENT] if any(row.metric == "agrees" for row in rows) else []
    parts += [f"{best}: {BEST}."] if any(row.best for row in rows) else []
    parts += doubts.caption_of(entry.result for entry in entries if entry.result is not None)
    parts += _machines(entry for entry in entries if entry.result is not None)
    if any(row.paper is not None and row.metric != "agrees" for row in rows):
        parts.append("In parentheses: the value published in arXiv 2303.05699.")
    return " ".join(filter(None, parts))


def _samples(rows: Sequence[Row], entries: Sequence[Entry], options: Options) -> list[str]:
    counts = max((row.n_most or row.n for row in rows if row.n is not None), default=0)
    each = f", up to {counts:,} samples each" if counts > 1 else ""
    return [f"{_seeds(entries, options)}, the original generator fixed{each}.", _clicks(entries)]


def _seeds(entries: Sequence[Entry], options: Options) -> str:
    """Say over which seeds ± is, by model where that differs: those that have results, or all if none has."""
    of_models: dict[str, list[int]] = {}
    for entry in [each for each in entries if each.result is not None] or entries:
        of_models.setdefault(entry.place[0], []).append(entry.seed)
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for model, found in of_models.items():
        by_seeds.setdefault(tuple(dict.fromkeys(found)), []).append(model)
    by_seeds = by_seeds or {tuple(options.seeds or SEEDS): []}
    if len(by_seeds) == 1 and len(seeds := next(iter(by_seeds))) == 1:
        return f"Seed {seeds[0]}"
    texts = [
        f"{len(seeds)} feedback and unlearning seeds ({', '.join(map(str, seeds))})"
        + (f" on {', '.join(models)}" if len(by_seeds) > 1 else "")
        for seeds, models in by_seeds.items()
    ]
    return f"Mean ± standard deviation over {'; '.join(texts)}"


def _clicks(entries: Sequence[Entry]) -> str:
    """Say how many samples were shown to the oracle, by model where that differs."""
    shown: dict[str, set[int]] = {}
    for entry in entries:
        if not entry.variant.settings:  # else its label says so
            cell: Cell = entry.done.planned.cell
            shown.setdefault(cell.model, set()).add(cell.settings.feedback.count)
    by_counts: dict[tuple[int, ...], list[str]] = {}
    for model, counts in shown.items():
        by_counts.setdefault(tuple(sorted(counts)), []).append(model)
    texts = [f"{' or '.join(f'{count:,}' for count in counts)}" for counts in by_counts]
    if len(by_counts) > 1:
        texts = [f"{text} ({', '.join(models)})" for text, models in zip(texts, by_counts.values(), strict=True)]
    return f"Samples shown for clicks: {', '.join(texts)}." if texts else ""


def _suite(options: Options) -> str:
    changed = f", with {', '.join(options.overrides)}" if options.overrides else ""
    return f"Suite {load_suite(options.suite).name}{changed}."


def _intervals(rows: Sequence[Row]) -> list[str]:
    """Say what varies in the intervals below numbers, and which metrics have one of another kind than most."""
    covers: dict[str, list[str]] = {}
    for row in rows:
        told = row.metric in INTERVALS or row.metric in METRICS  # what brackets hold there, other sentences say
        if row.low is not None and row.low != row.high and not told:
            covers.setdefault(row.covers, []).append(row.metric)
    if not covers:
        return []
    most = max(covers, key=lambda cover: len(covers[cover]))
    others = [f"{', '.join(dict.fromkeys(covers[cover]))}: {cover}" for cover in covers if cover != most]
    unlike = f" ({'; '.join(others)})" if others else ""
    return [f"In brackets: 95 % intervals, over {most}{unlike}."]


def _extractors(rows: Sequence[Row]) -> list[str]:
    embedded = [(name.removesuffix("_change"), x.rstrip("]")) for name, _, x in _divided(rows) if x]
    used = sorted({x for name, x in embedded if name in EMBEDDED})
    if not used:
        return []
    found = {EMBEDDED[name] for name, _ in embedded if name in EMBEDDED}
    kinds = [kind for kind in dict.fromkeys(EMBEDDED.values()) if kind in found]
    compared = "" if used == ["inception"] else " The paper's use Inception's and are not comparable."
    verb = "uses" if len(kinds) == 1 else "use"
    return [f"{_listed(kinds)} {verb} the embeddings of: {', '.join(used)}.{compared}"]


def _divided(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    return [row.metric.partition("[") for row in rows]


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _empty(table: Table, rows: Sequence[Row]) -> list[str]:
    """Say which of the table's own columns are not shown, because they hold no number."""
    told = [f"{metric} ({why})" for metric, why in empty(table, rows).items()]
    return [f"Not shown, without any number: {', '.join(told)}."] if told else []


def _machines(entries: Iterable[Entry]) -> list[str]:
    """Say how the machines and the software behind the numbers differ, which changes their last digits."""
    facts: dict[str, set[str]] = {}
    for entry in entries:
        assert entry.result is not None
        for machine in entry.result.machines:
            for name, value in _compared(machine).items():
                facts.setdefault(name, set()).add(value)
    unlike = [f"{name} ({', '.join(sorted(values))})" for name, values in sorted(facts.items()) if len(values) > 1]
    return [f"The cells were not made alike: {'; '.join(unlike)}."] if unlike else []


def _compared(machine: MachineFacts) -> dict[str, str]:
    packages = {name: str(version) for name, version in machine.packages.items()}
    return {"device": machine.device, "threads": str(machine.threads), "bfloat16": str(machine.bfloat16), **packages}
