"""What ``bench run``, ``bench status`` and every ``--dry-run`` print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from textwrap import indent
from typing import Any

from bench.errors import BenchError
from bench.experiments import plan
from bench.experiments.cell import Cell, Run
from bench.experiments.plan import Planned
from bench.workspace.store import Record, Store
from bench.workspace.suites import assignments
from bench.workspace.workspace import Workspace


def dry_run(cells: Sequence[Cell], workspace: Workspace, suite: str, overwrite: plan.Overwrite) -> str:
    """Say what would be trained and run, one a line (action, why, time expected and its basis), and what is missing."""
    past, trained = plan.completed(workspace), set[str]()
    untrained = {cell.model: cell for cell in cells if plan.is_to_be_trained(cell)}
    training = {model: plan.expected_training(cell) for model, cell in untrained.items()}
    lines = [f"train   {m} on {untrained[m].settings.dataset}  ({_expected(*time)})" for m, time in training.items()]
    times, missing, waiting = [seconds for seconds, _ in training.values()], [], 0
    for cell, lacking in zip(cells, plan.lacking(cells, workspace, suite), strict=True):
        try:
            run = Run(cell, workspace)
            run.given_feedback()
            planned = plan.planned(run, past, overwrite, trained)
        except BenchError as error:
            planned = None
            lacking = lacking or [str(error)]
        seconds, basis = (planned.seconds, planned.basis) if planned else plan.expected(cell, past)
        if planned is None or (lacking and planned.action not in ("cached", "skip")):
            missing += lacking
            action, name, why = "waits", cell.readable, "something is missing, see below"
        else:
            action, name, why = planned.action, planned.run.folder.name, planned.why
        lines.append(f"{action:7} {name}{_changed(cell)}  ({why}; {_expected(seconds, basis)})")
        if action != "cached":
            times.append(seconds)
            waiting += 1
    if missing:
        lines += ["missing, before all of these can run:", *(indent(text, "  ") for text in dict.fromkeys(missing))]
    if len(cells) > 1:
        lines.append(plan.summary(len(cells), waiting, times))
    return "\n".join(lines)


def configuration(cells: Sequence[Cell], workspace: Workspace, suite: str) -> str:
    """Return the cells' resolved configurations, one a line of JSON; keys and hashes where nothing is missing."""
    lacking = plan.lacking(cells, workspace, suite)
    runs = [None if missing else Run(cell, workspace) for cell, missing in zip(cells, lacking, strict=True)]
    return "\n".join(json.dumps(_configuration(cell, run)) for cell, run in zip(cells, runs, strict=True))


def _configuration(cell: Cell, run: Run | None) -> dict[str, Any]:
    return {
        "cell": cell.readable if run is None else run.folder.name,
        "suite": cell.suite,
        "weights": cell.weights,
        "weights_sha256": None if run is None else run.original.sha256,
        "params": cell.params.model_dump(mode="json"),
        "settings": cell.settings.model_dump(mode="json"),
        "keys": None if run is None else vars(run.keys),
    }


def _expected(seconds: float | None, basis: str) -> str:
    return f"time unknown: {basis}" if seconds is None else f"about {plan.duration(seconds)}: {basis}"


def _changed(cell: Cell) -> str:
    changed = cell.params.model_dump(mode="json", exclude_defaults=True)
    return "".join(f" {text}" for text in assignments(changed))


def json_line(record: Record) -> str:
    """Return a stored record as one line of JSON."""
    return json.dumps(record.model_dump(mode="json"), allow_nan=False, sort_keys=True)


def record_lines(planned: Planned, record: Record) -> str:
    """Say how a cell went, original beside unlearned, and where everything is."""
    params = _changed(planned.run.cell).strip()
    name = f"{record.method}{f' ({params})' if params else ''} {record.model} {record.feature} seed {record.seed}"
    folder = planned.run.folder
    if record.status != "ok":
        reason = (record.reason or "").splitlines()
        where = f"{folder / 'result.json'}{' (with the traceback)' if record.status == 'failed' else ''}"
        return f"{name}: {record.status}: {reason[0] if reason else ''}\n  {where}"
    others = [f"{metric} {value['value']:.4g}" for metric, value in sorted(record.metrics.items()) if _headline(metric)]
    seconds = {stage: timing["seconds"] for stage, timing in record.timings.items()}
    took = (
        "stored before"
        if planned.action == "cached"
        else ", ".join(f"{stage} {s:.1f} s" for stage, s in seconds.items())
    )
    lines = [
        f"{name}: {_judged(record) if record.provenance['oracle'] else _without_oracle(record)}",
        f"  {', '.join(others)}",
        f"  {record.provenance['data']}; {took}",
        *(f"  not computed: {', '.join(metrics)}: {reason}" for reason, metrics in _by_reason(record).items()),
        *(f"  {folder / file}" for file in ("result.json", "before-after.png", "unlearned.safetensors")),
    ]
    return "\n".join(lines)


def status_lines(store: Store) -> list[str]:
    """List stored cells, one a line, failures with their reason; then what runs now, and what can be resumed."""
    lines = []
    stored = list(store.records())
    own = _own_params([record for _, record in stored])
    for (folder, record), params in zip(stored, own, strict=True):
        ratio = record.value("target_ratio")
        detail = f"target_ratio {ratio:.4f}" if ratio is not None else (record.reason or "").split("\n")[0]
        lines.append(f"{record.status:9} {folder.name}{params}  {detail}")
    for folder in store.unfinished():
        running = f"running   {folder.name}"
        stopped = f"stopped   {folder.name}  the same `bench run` goes on"
        lines.append(running if store.is_locked(folder) else stopped)
    return lines


def _own_params(records: Sequence[Record]) -> list[str]:
    """Return for each, as ``-p`` takes it, the parameters that are not the same in all cells of its kind."""
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in records:
        alike.setdefault(_kind(record), []).append(record.params)
    varied = {
        kind: {n for params in group for n in {*params, *group[0]} if params.get(n) != group[0].get(n)}
        for kind, group in alike.items()
    }
    own = [{n: v for n, v in record.params.items() if n in varied[_kind(record)]} for record in records]
    return ["".join(f" {text}" for text in assignments(params)) for params in own]


def _kind(record: Record) -> tuple[Any, ...]:
    return record.suite, record.method, record.model, record.feature


def _judged(record: Record) -> str:
    before, after = _with_interval(record, "original_target_ratio"), _with_interval(record, "target_ratio")
    return f"share with the feature, original {before} -> {after}"


def _without_oracle(record: Record) -> str:
    """Say what is known without an oracle; the picture shows the rest."""
    clicked, shown = (record.provenance["feedback"][key] for key in ("positives", "count"))
    flagged = record.value("flagged_ratio")
    flags = "" if flagged is None else f", the method flags {flagged:.4f} of all samples"
    return f"{clicked} of {shown} samples were clicked{flags}; no oracle says what is left: look at the picture"


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
    return f"{value['value']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"


def _headline(metric: str) -> bool:
    return not metric.startswith(("attribute_shift[", "attribute_ratio[")) and not metric.endswith("target_ratio")
