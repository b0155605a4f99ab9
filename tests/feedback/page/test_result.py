"""The result page: what it says of the shares and of the judges, and the count of what is left."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import torch
from made_records import made_record
from PIL import Image

from bench.api import Params
from bench.errors import BenchError
from bench.experiments.cells.cell import Cell
from bench.feedback.page import runs, session
from bench.feedback.page.desk import Running
from bench.feedback.page.runs import Runs, RunState
from bench.registry import Registry
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.store.record import Measurement, OracleCopy, OraclePair
from bench.workspace.store.store import Store

FILES = {
    "weights": {"file": "unlearned.safetensors", "sha256": "a" * 64},
    "picture": {"file": "before-after.png", "sha256": "b" * 64},
}


def share(name, value, n, low=0.01, high=0.31):
    return Measurement(value=value, n=n, higher_is_better=False, source="made up", metric=name, low=low, high=high)


LEARNT = {
    "original_learnt_target_ratio": share("", 0.2, 1000),
    "learnt_target_ratio": share("", 0.05, 1000),
    "learnt_agreement": share("", 0.97, 120, 0.93, 0.99),
    "learnt_resolution": share("", 0.007, 120),
}
ORACLE = OracleCopy(name="stroke_area", weights=None, sha256=None, threshold=0.625, balanced_accuracy={})
CLICKED = {"original_clicked_ratio": share("", 26 / 120, 120)}


@pytest.fixture
def ended(site):
    """Say that a run has ended with a record, which takes the count of what is left."""
    desk = site.desk

    def call(metrics, oracle=None):
        record = made_record(artefacts=FILES, metrics=metrics, feature="thickness")
        if oracle is not None:
            pair = OraclePair(name=oracle.name, threshold=oracle.threshold, feedback=None, evaluation=oracle)
            record = record.model_copy(update={"provenance": record.provenance.model_copy(update={"oracle": pair})})
        Image.new("L", (50, 20)).save(desk.folder / "before-after.png")
        held = [record]

        def store(cell, samples, positives):
            n, value = samples.count, len(positives) / samples.count
            more = {**CLICKED, "clicked_ratio": share("clicked_ratio", value, n)}
            held[0] = record.model_copy(update={"metrics": {**record.metrics, **more}})
            return held[0]

        desk.running = Running(
            SimpleNamespace(state=lambda: RunState("ended", (), record)), {}, None,
            lambda _: (desk.folder, held[0]), lambda *_: desk.original.samples, store,
        )  # fmt: skip
        return held

    return call


def cells_of(page, by):
    """Return the text of a row's cells."""
    row = re.search(rf'<th scope="row">{by}</th>(.*?)</tr>', page, re.S)[1]
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td>(.*?)</td>", row, re.S)]


@pytest.fixture
def result(site, ended):
    """Return the result page of a record; the application has it only if it was there from the start."""
    from page_site import running

    def call(metrics, oracle=None, act=None):
        held = ended(metrics, oracle)
        with running(site.desk) as again:
            if act:
                act(again)
            return again.get("/run").text, held[0]

    return call


def test_each_share_says_of_which_images_it_is(result):
    page, _ = result({**LEARNT, **CLICKED, "clicked_ratio": share("", 0.02, 200)})
    assert cells_of(page, "you") == [
        "21.7 % [1.0 %, 31.0 %] of the 120 images that your clicks are about, not fresh ones",
        "2.0 % [1.0 %, 31.0 %] of 200 fresh images",
    ]
    assert [cell.partition(" of ")[2] for cell in cells_of(page, "a judge learnt from your clicks")] == ["1,000 fresh images"] * 2  # fmt: skip  # noqa: E501
    assert "images that your clicks are about, not fresh ones: the method has learnt from them." in page
    assert "Images are fresh draws" not in page


def test_it_says_how_good_the_learnt_judge_is(result):
    page, _ = result(LEARNT)
    said = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert "agrees with clicks that it had not seen by 0.97 [0.93, 0.99]: 1 is always, 0.5 is chance" in said
    assert "It cannot tell a share below 0.7 % from none." in said


def test_an_oracle_is_named_with_its_cut(result):
    ratios = {"original_target_ratio": share("", 0.2, 4000), "target_ratio": share("", 0.05, 4000)}
    page, _ = result(ratios, ORACLE)
    assert cells_of(page, "the oracle stroke_area")[1] == "5.0 % [1.0 %, 31.0 %] of 4,000 fresh images"
    assert "from a score of 0.625 on" in page and "They are fresh images, and the oracle tells" in page


def test_count_on_the_last_page_stores(result, site):
    def count(again):
        assert again.get("/images/1/0?size=250").status == 200
        done = again.form("/images/1/0", tile=[5, 7], first=0, size=250, action="next")
        assert done.headers["location"] == "/run"

    page, record = result(LEARNT, act=count)
    assert record.metrics["clicked_ratio"].value == pytest.approx(2 / 120)
    assert "<b>Stored:</b> you selected 2 of 120." in page and "Store the count" not in page


def test_a_count_that_was_changed_since_can_be_stored(result):
    page, _ = result(LEARNT, act=lambda again: (again.get("/images/1/0?size=250"), again.form("/images/1/0", tile=[5], first=0, size=250, action="next"), again.click([9, True], round=1)))  # fmt: skip  # noqa: E501
    assert "This count is not stored yet" in page and "Store the count: 2 of 120" in page


def test_a_run_that_has_said_nothing_is_starting(tmp_path, monkeypatch):
    runs = Runs(tmp_path)
    runs.log.write_text("")
    monkeypatch.setattr(runs, "_is_running", lambda: True)
    assert list(runs.state().lines) == ["Starting ..."]
    runs.log.write_text("ours: 1/3\n")
    assert list(runs.state().lines) == ["ours: 1/3"]


def test_who_stops_a_run_that_begins_does_not_stop_another_program(tmp_path, monkeypatch):
    """The number of the last run may have been given to another program since."""
    folder = Runs(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        folder.number.write_text(str(bystander.pid))

        def begins(*_, **__):
            folder.stop(patience=0.3)
            raise OSError(errno.EAGAIN, "no more processes")

        with monkeypatch.context() as patched:
            patched.setattr(runs.subprocess, "Popen", begins)
            with pytest.raises(BenchError, match="the run cannot be started"):
                folder.start([])
        bystander.communicate(b"\n", timeout=20)
    assert bystander.returncode == 0, "it ended by itself"


@pytest.mark.filterwarnings("ignore:.*subprocess .* is still running")
def test_a_run_whose_number_is_not_written_yet_is_stopped_once_it_is(tmp_path, monkeypatch):
    folder, written = Runs(tmp_path), runs.write_bytes
    stopping = threading.Thread(target=folder.stop)

    def late(path, content):
        stopping.start()
        time.sleep(0.3)
        written(path, content)

    monkeypatch.setattr(runs, "BENCH", "import time; time.sleep(60)")
    monkeypatch.setattr(runs, "write_bytes", late)
    folder.start([])
    stopping.join()
    assert folder.state().status == "stopped"


def test_the_head_counts_samples_and_says_how_many_come_twice(site):
    assert "<span>120 samples</span>" in site.get("/images/0/0?size=50").text
    page = site.get("/images/0/0?first=50&size=50").text
    twice = sum(again for _, again in site.desk.book.tiles("original"))
    assert twice > 0 and f"<span>120 samples, {twice} of them twice</span>" in page
    assert f"of {120 + twice} images selected" in page


@pytest.mark.parametrize(("shift", "shown"), [(-0.04, "+0.0"), (0.04, "+0.0"), (-0.26, "-0.3"), (0.31, "+0.3")])
def test_there_is_no_minus_zero(shift, shown):
    from bench.feedback.page.views import templates

    assert templates().filters["signed"](shift) == shown


@pytest.mark.browser
def test_numbers_are_not_broken_on_a_telephone(result, new_tab):
    def look(again):
        tab = new_tab(viewport={"width": 360, "height": 800})
        tab.goto(f"{again.address}/run")
        lines = tab.evaluate("[...document.querySelectorAll('td .whole')].map((each) => each.getClientRects().length)")
        assert lines == [1] * 8
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360

    result({**LEARNT, **CLICKED, "clicked_ratio": share("", 0.02, 200)}, act=look)


@pytest.mark.parametrize(("step", "name"), [(None, "ours-vae-slant-s0"), (5, "ours-vae-slant-s0-at5")])
def test_the_page_names_a_folder_as_the_cell_does(step, name, tmp_path):
    record = made_record(step=step)
    cell = Cell("lite", "ours", "vae", "slant", 0, Params(), ModelSettings(dataset="mnist"), "vae-mnist", step=step)
    assert cell.readable == record.readable == name
    running = session.running_in(tmp_path, Store(tmp_path), Registry(), torch.device("cpu"), {}, [])
    assert running.cell_of(record) == (tmp_path / f"{name}-{record.key[:16]}", record)
