"""What ``bench run`` and every ``--dry-run`` print. ``bench status``: listing.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from textwrap import indent
from typing import Any

from bench.core.progress import Progress
from bench.errors import first_sentence
from bench.experiments.execution.execute import Done
from bench.experiments.planning.expected import Expected
from bench.experiments.planning.plan import Plan, Planned
from bench.report import doubts, labels
from bench.report.tables import truth
from bench.report.terminal import suite_settings
from bench.workspace.store.record import Record

STAGES = ("feedback", "unlearn", "evaluate")  # in the order in which they run
SHOWN_FILES = ("picture", "surest", "weights")


def dry_run(plan: Plan) -> str:
    """Say what would be trained and run, one a line (action, why, time expected), and what is missing.

    Below: what the times are estimated from, and which hyper-parameters are the suite's.
    """
    marks = _marks([*plan.beforehand, *(item.expected for item in plan.cells)])
    cells = [item.cell for item in plan.cells]
    lines = [
        f"train   {each.what.name} on {each.what.recipe.dataset}  ({each.what.purpose}; {_time(each.expected, marks)})"
        for each in plan.trainings
    ]
    lines += [
        f"embed   the images of {each.dataset} with {each.extractor}  ({_time(each.expected, marks)})"
        for each in plan.embeddings
    ]
    for item, label in zip(plan.cells, labels.of_cells(cells), strict=True):
        time = _time(item.expected, marks) if item.expected.basis else ""
        about = "; ".join(filter(None, (item.why, time)))
        lines.append(f"{item.action:7} {' '.join(filter(None, (item.name, label)))}  ({about})")
    lines += [f"time{mark}: {basis}" for basis, mark in marks.items()]
    lines += suite_settings.of_plan(cells)
    lines += [f"note: {note}" for note in plan.notes]
    if plan.missing:
        lines += ["missing or wrong, so not all of these can run yet:", *(indent(text, "  ") for text in plan.missing)]
    if len(plan.cells) > 1:
        lines.append(plan.summary())
    return "\n".join(lines)


def _marks(expected: Sequence[Expected]) -> dict[str, str]:
    """Return what times are estimated from, each with its mark; none if it is the same for all."""
    bases = list(dict.fromkeys(each.basis for each in expected if each.seconds is not None and each.basis))
    return {basis: f" [{chr(ord('a') + place)}]" if len(bases) > 1 else "" for place, basis in enumerate(bases)}


def _time(expected: Expected, marks: dict[str, str]) -> str:
    return f"{expected}{marks.get(expected.basis, '')}"


def configuration(plan: Plan) -> str:
    """Return the cells' resolved configurations, one a line of JSON; keys and hashes where nothing is missing."""
    return "\n".join(json.dumps(_configuration(item)) for item in plan.cells)


def _configuration(item: Planned) -> dict[str, Any]:
    cell, resolved = item.cell, item.resolved
    return {
        "cell": item.name,
        "suite": cell.suite,
        "weights": cell.weights,
        "weights_sha256": None if resolved is None else resolved.original.sha256,
        "params": cell.params.model_dump(mode="json"),
        "from_suite": cell.from_suite,
        "settings": cell.settings.model_dump(mode="json"),
        "keys": None if resolved is None else resolved.keys.model_dump(),
    }


def counted(plan: Plan, progress: Progress) -> Callable[[Done], None]:
    """Say how many cells are to run, and return a function that reports each cell's end: "[2/7] folder: ok"."""
    progress.note(plan.summary())
    waiting = plan.waiting
    ended = 0

    def report(done: Done) -> None:
        nonlocal ended
        if done.planned.action == "cached":
            return
        ended += 1
        how = first_sentence(done.error) if done.error else done.record.status if done.record else ""
        name = done.planned.name if done.resolved is None else done.resolved.folder.name
        progress.note(f"[{ended}/{len(waiting)}] {' '.join([name, *done.planned.cell.changed])}: {how}")

    return report


def json_line(record: Record) -> str:
    """Return a stored record as one line of JSON."""
    return json.dumps(record.model_dump(mode="json"), allow_nan=False, sort_keys=True)


def record_lines(done: Done) -> str:
    """Say how a cell went, before and after, and where everything is."""
    record, resolved = done.record, done.resolved
    assert record is not None and resolved is not None
    params, folder = " ".join(resolved.cell.changed), resolved.folder
    name = f"{record.method}{f' ({params})' if params else ''} {record.model} {record.feature} seed {record.seed}"
    name += "" if record.step is None else f" after {record.step} step{'' if record.step == 1 else 's'}"
    if record.status != "ok":
        reason = (record.reason or "").splitlines()
        where = f"{folder / 'result.json'}{' (with the traceback)' if record.status == 'failed' else ''}"
        return f"{name}: {record.status}: {reason[0] if reason else ''}\n  {where}"
    others = [f"{metric} {value.value:.4g}" for metric, value in sorted(record.metrics.items()) if _headline(metric)]
    order = sorted(record.timings, key=lambda stage: (STAGES.index(stage) if stage in STAGES else len(STAGES), stage))
    seconds = {stage: record.timings[stage].seconds for stage in order}
    took = (
        "stored before"
        if done.planned.action == "cached"
        else ", ".join(f"{stage} {s:.1f} s" for stage, s in seconds.items())
    )
    lines = [
        f"{name}: {_judged(record) if record.provenance.oracle else _without_oracle(record)}",
        *([f"  {clicked_line(record)}"] if record.value("clicked_ratio") is not None else []),
        *(f"  {warning}" for warning in doubts.warnings_of(record)),
        f"  {', '.join(others)}",
        *([f"  {distance}"] if (distance := truth.truth_line(record, resolved.workspace)) else []),
        f"  {record.provenance.data}; {took}",
        *(f"  not computed: {', '.join(metrics)}: {reason}" for reason, metrics in _by_reason(record).items()),
        *(f"  {folder / file}" for file in _files(record)),
    ]
    return "\n".join(lines)


def _files(record: Record) -> list[str]:
    return ["result.json", *(record.artefacts[each].file for each in SHOWN_FILES if each in record.artefacts)]


def _judged(record: Record) -> str:
    before, after = _with_interval(record, "original_target_ratio"), _with_interval(record, "target_ratio")
    return f"share with the feature, original {before} -> {after}"


def _without_oracle(record: Record) -> str:
    """Describe the result without an oracle: by a judge learnt from the clicks if there is one, else by the picture."""
    clicks = record.provenance.feedback
    assert clicks is not None
    flagged = record.value("flagged_ratio")
    flags = "" if flagged is None else f", the method flags {flagged:.4f} of all samples"
    shown = f"{clicks.positives} of {clicks.count} samples were clicked{flags}"
    agreement, least = record.value("learnt_agreement"), record.value("learnt_resolution")
    if agreement is None or least is None:
        return f"{shown}; no oracle says what is left: look at the picture"
    before, after = (_with_interval(record, name) for name in ("original_learnt_target_ratio", "learnt_target_ratio"))
    return (
        f"{shown}\n  share with the feature by a judge learnt from the clicks, original {before} -> {after}\n"
        f"  it agrees with clicks that it had not seen by {agreement:.2f} (1 is always, 0.5 is chance), and cannot "
        f"tell a share below {least:.3f} from none: look at the picture too"
    )


def clicked_line(record: Record) -> str:
    """Say how many samples a person clicked before and after unlearning (`bench feedback --cell`)."""
    after = f"{_with_interval(record, 'clicked_ratio')} after unlearning"
    if record.value("original_clicked_ratio") is None:
        return f"share of clicked samples {after}"
    return f"share of clicked samples {_with_interval(record, 'original_clicked_ratio')} before, {after}"


def _by_reason(record: Record) -> dict[str, list[str]]:
    """Return the metrics that were not computed, by reason."""
    found: dict[str, list[str]] = {}
    for metric, reason in record.skipped_metrics.items():
        found.setdefault(reason, []).append(metric)
    return found


def _with_interval(record: Record, metric: str) -> str:
    value = record.metrics.get(metric)
    if value is None:
        return "n/a"
    return f"{value.value:.4f} [{value.low:.4f}, {value.high:.4f}]"


def _headline(metric: str) -> bool:
    shown_above = metric.endswith(("target_ratio", "clicked_ratio"))
    return not metric.startswith(("attribute_shift[", "attribute_ratio[", truth.SUM)) and not shown_above
