"""`bench.click`: the same page, and labels in return."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest
from page_site import Site

import bench
from bench.errors import UsageError

pytest.importorskip("starlette", reason="the extra serve is not installed")


@pytest.fixture
def person(capfd):
    """Click in a thread on the page whose address is printed."""

    def call(selected, **more):
        found = {}

        def work():
            for _ in range(600):
                found["err"] = found.get("err", "") + capfd.readouterr().err
                if match := re.search(r"Open http://127.0.0.1:(\d+)/", found["err"]):
                    break
                threading.Event().wait(0.05)
            site = Site(None, int(match[1]))
            page = site.get("/images/0/0?size=250").text
            site.desk = type("Told", (), {"token": re.search(r'name="token" value="([^"]+)"', page)[1]})
            found["policy"] = site.get("/finish").headers["content-security-policy"]
            found["run"] = site.get("/run").status
            found["click"] = site.click(*([n, True] for n in selected)).status
            found["done"] = site.form("/finish", action="write", rest="without").status

        thread = threading.Thread(target=work)
        thread.start()
        return thread, found

    return call


def test_labels_come_back(bars, person):
    thread, found = person([3, 17])
    labels = bench.click(bars.original.generator, 60, feature="width")
    thread.join()
    assert labels.dtype == bool and np.flatnonzero(labels).tolist() == [3, 17] and len(labels) == 60
    assert (found["click"], found["done"], found["run"]) == (200, 303, 404)
    assert "frame-ancestors http://127.0.0.1:* http://localhost:*" in found["policy"]
    feedback = bench.make_feedback(labels, stream="feedback/0")
    assert feedback.positives == 2


def test_clicks_in_a_folder_are_kept(bars, person, tmp_path):
    for selected in ([3], [4]):
        thread, _ = person(selected)
        labels = bench.click(bars.original.generator, 60, folder=tmp_path / "clicks")
        thread.join()
    assert np.flatnonzero(labels).tolist() == [3, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 1}, "click(count): is 1"),
        ({"count": 20_001}, "click(count): is too large"),
        ({"port": -1}, "click(port): is -1"),
        ({"feature": "a b"}, "may contain only letters"),
    ],
)
def test_what_is_refused(bars, arguments, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        bench.click(bars.original.generator, **arguments)
