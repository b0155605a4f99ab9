"""The pages after the clicks: the feedback file, the run, and its outcome."""

from __future__ import annotations

from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bench.core.files import file_sha256
from bench.errors import BenchError
from bench.feedback.page import views
from bench.feedback.page.desk import AFTER, Desk, Running
from bench.feedback.page.forms import form_of
from bench.feedback.page.guard import Refused, require_token
from bench.feedback.page.outcome import Labels, Rest, labels_of, problem_of, warning_of, write_feedback
from bench.feedback.page.shares import shares_of, stored_count
from bench.feedback.repeats import noise_told


def finish(request: Request) -> Response:
    """Show the counts of clicks, and what is missing."""
    return _finish(views.desk_of(request))


def _finish(desk: Desk, problem: str | None = None, status: int = 200) -> Response:
    labels = labels_of(desk.book, desk.original)
    return views.page(
        "finish.html",
        desk,
        status,
        labels=labels,
        problem=problem or problem_of(labels, "left out"),
        warning=warning_of(labels),
        noise=None if labels.repeats is None else noise_told(labels.repeats),
        also=list(desk.original.attributes[1:]),
        ready=desk.file.exists(),
        sha256=file_sha256(desk.file)[:12] if desk.file.exists() else "",
    )


async def write(request: Request) -> Response:
    """Write the feedback file, and start a run if that is asked for."""
    fields = await form_of(request)

    def work() -> Response:
        desk = views.desk_of(request)
        require_token(fields.get("token", [""])[-1], desk.token)
        rest = fields.get("rest", ["left out"])[-1]
        if rest not in ("left out", "without"):
            raise Refused(400, "rest should be 'left out' or 'without'.")
        labels = labels_of(desk.book, desk.original)
        try:
            write_feedback(desk.file, labels, desk.original, cast(Rest, rest), desk.model, desk.weights_sha256)
            if fields.get("action", [""])[-1] == "run":
                _start(desk, labels, fields)
                return views.go_to("/run")
        except BenchError as error:
            return _finish(desk, str(error), 409)
        desk.finished.set()
        return views.go_to("/finish")

    return await run_in_threadpool(work)


def _start(desk: Desk, labels: Labels, fields: dict[str, list[str]]) -> None:
    running, method = _running(desk), fields.get("method", ["ours"])[-1]
    if method not in running.methods:
        raise Refused(400, "There is no such method.")
    keep = fields.get("keep", []) if running.methods[method] else []
    known = [name for name in desk.original.attributes[1:] if name not in labels.incomplete]
    if any(name not in known for name in keep):
        raise Refused(400, "What is to be kept should be an attribute that was clicked on every image that counts.")
    running.runs.start(running.arguments(method, keep))


def download(request: Request) -> Response:
    """Send the feedback file."""
    desk = views.desk_of(request)
    if not desk.file.exists():
        raise Refused(404, "The feedback file is not written yet.")
    return FileResponse(desk.file, filename="feedback.json", headers={"cache-control": "no-store"})


def run(request: Request) -> Response:
    """Show the run's progress and its outcome."""
    desk = views.desk_of(request)
    state = _running(desk).runs.state()
    if state.status == "none":
        return views.go_to("/finish")
    record, folder = state.record, None
    if record is not None:
        folder, record = _running(desk).cell_of(record)
    left = None if record is None or record.status != "ok" else labels_of(desk.book, desk.round(1))
    return views.page(
        "run.html",
        desk,
        state=state,
        record=record,
        folder=folder,
        shares=[] if record is None else shares_of(record),
        left=left,
        stored=record is not None and left is not None and stored_count(record, left.positives, left.count),
        fresh=AFTER,
    )


def run_state(request: Request) -> Response:
    """Return the run's progress to a script."""
    state = _running(views.desk_of(request)).runs.state()
    return views.answer({"status": state.status, "lines": list(state.lines), "done": state.done, "total": state.total})


async def stop(request: Request) -> Response:
    """Stop the run."""
    fields = await form_of(request)
    desk = views.desk_of(request)
    require_token(fields.get("token", [""])[-1], desk.token)
    await run_in_threadpool(_running(desk).runs.stop)
    return views.go_to("/run")


async def count_left(request: Request) -> Response:
    """Store with the cell how many fresh samples still have the feature."""
    fields = await form_of(request)

    def work() -> Response:
        desk = views.desk_of(request)
        require_token(fields.get("token", [""])[-1], desk.token)
        if left := store_count(desk):
            raise Refused(409, f"{left} of {AFTER} fresh images were not looked at yet.")
        return views.go_to("/run")

    return await run_in_threadpool(work)


def store_count(desk: Desk) -> int:
    """Store with the cell how many fresh samples still have the feature; returns how many are left to look at.

    Nothing is stored while some are left.
    """
    round_, record = desk.round(1), desk.ended()
    assert record is not None
    labels = labels_of(desk.book, round_)
    if not labels.left:
        positives = sorted(sample for sample, on in labels.feature.items() if on)
        running = _running(desk)
        running.store_clicks(running.cell_of(record)[0], round_.samples, positives)
    return labels.left


def weights(request: Request) -> Response:
    """Send the unlearned weights."""
    return _artefact(views.desk_of(request), "weights", "application/octet-stream")


def grid(request: Request) -> Response:
    """Send the picture of samples before and after."""
    return _artefact(views.desk_of(request), "picture", "image/png")


def _artefact(desk: Desk, name: str, kind: str) -> Response:
    record = desk.ended()
    if record is None or name not in record.artefacts:
        raise Refused(404, "There is no such file yet.")
    path = _running(desk).cell_of(record)[0] / record.artefacts[name].file
    if not path.is_file():
        raise Refused(404, "The file was removed from the results folder. Run again to make it.")
    saved = f"{record.model}-without-{record.feature}.safetensors" if name == "weights" else None
    return FileResponse(path, media_type=kind, filename=saved, headers={"cache-control": "no-store"})


def _running(desk: Desk) -> Running:
    if desk.running is None:
        raise Refused(404, "This page does not exist.")
    return desk.running
