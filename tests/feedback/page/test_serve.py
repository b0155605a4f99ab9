"""`bench serve`: what it refuses at once, and a feature that no oracle knows, from the first click to the count of what is left."""

from __future__ import annotations

import builtins
import json
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from own_generator import EXAMPLES, STEPS
from page_site import Site

from bench.core import randomness
from bench.feedback.page import serving
from bench.workspace.store.store import Store


@pytest.fixture
def serve(bench_cli, bars, tmp_path):
    def call(*more, model="bars", weights=bars.weights):
        given = ["--weights", weights] if weights else []
        return bench_cli(
            "serve", model, "--feature", "width", *given, "--plugins", bars.folder.path, "--port", "0",
            "--out", tmp_path / "clicks", "--results", tmp_path / "runs", "--device", "cpu", *more,
        )  # fmt: skip

    return call


def test_a_port_in_use(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve("--port", port)
    assert done.code == 4
    assert (
        done.err
        == f"Error: --port {port}: is in use by another program. Name another one, or --port 0 for any free one\n"
    )


@pytest.mark.parametrize(("feature", "told"), [("thicknes", "Did you mean 'thickness'?"), ("thickness", "")])
def test_a_feature_that_only_clicks_can_judge_is_told_at_once(serve, feature, told):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = serve("--feature", feature, "--port", taken.getsockname()[1], model="vae", weights=None)
    alone = f"--feature {feature}: 'mnist' has no such feature, so your clicks alone can judge it. {told}"
    assert (alone in done.err) == bool(told)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0: stands for every address. Name the one that the browser is to open"),
        (["--host", "203.0.113.5"], "--host 203.0.113.5: is not an address of this machine"),
        (["--feature", "a/b"], "--feature a/b: may contain only letters"),
        (["--feature", "all"], "--feature all: stands for all features"),
        (["--also", "Male,Male"], "--also Male,Male: names an attribute twice, or the feature itself"),
        (["--also", "width"], "--also width: names an attribute twice, or the feature itself"),
        (["--also", "../x"], "--also ../x: may contain only letters"),
        (["--count", "1"], "1 is not in the range 2<=x<=20000"),
        (["--dataset", "mnits"], "Did you mean 'mnist'?"),
        (["-p", "nosuch=1"], "nosuch"),
        (["--set", "nosuch.count=1"], "nosuch"),
    ],
)
def test_what_is_refused_at_once(serve, more, message, tmp_path):
    done = serve(*more)
    assert done.code == 4 and message in done.err and "Traceback" not in done.err
    assert not (tmp_path / "clicks").exists()


def test_weights_of_another_model(serve):
    done = serve(model="vae")
    assert done.code != 0 and "holds the model 'bars', not 'vae'" in done.err


def test_a_model_outside_the_suite_needs_weights(serve):
    done = serve(weights=None, model="bars")
    assert done.code == 4 and "MODEL: unknown model 'bars'" in done.err and "proggan" in done.err


def test_a_folder_that_cannot_be_written(serve, tmp_path):
    (tmp_path / "file").write_text("")
    for flag in ("--out", "--results"):
        done = serve(flag, tmp_path / "file" / "x")
        assert done.code != 0 and f"{flag} {tmp_path / 'file' / 'x'}: cannot be written" in done.err


def test_a_file_is_not_a_folder(serve, tmp_path):
    (tmp_path / "clicks").write_text("")
    done = serve()
    assert done.code == 4 and f"--out {tmp_path / 'clicks'}: is not a folder. Name another one" in done.err


def test_a_wrong_parameter_is_refused_as_bench_run_refuses_it(serve, bench_cli, bars, tmp_path):
    said = serve("-p", "nosuch=1").err
    done = bench_cli(
        "run", "--method", "ours", "--model", "bars", "--feature", "width", "--dataset", "own", "--weights", bars.weights,
        "--plugins", bars.folder.path, "--results", tmp_path / "runs", "--device", "cpu", "-p", "nosuch=1",
    )  # fmt: skip
    assert said == done.err


def test_a_folder_that_another_server_holds(serve, tmp_path):
    with serving.held(tmp_path / "clicks"):
        done = serve()
    assert done.code == 4 and "another `bench serve` holds this folder" in done.err


def test_clicks_on_something_else(serve, desk, asked):
    desk.book.close()
    done = serve("--out", asked.folder)
    assert (
        done.code == 4
        and "holds clicks on something else: feature thickness (not width), count 120 (not 500)" in done.err
    )


def test_without_the_extra(serve, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name == "uvicorn":
            raise ImportError("no", name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    done = serve()
    assert done.code == 4
    assert "the page needs uvicorn, which is not installed. Install the extra 'serve'" in done.err


# --- from the first click to the count of what is left ------------------------------------------------------


@pytest.fixture
def served(hers, tmp_path):
    """Serve the worked example of your own generator, in a process of its own."""
    code = "from bench.cli import main; main()"
    words = [
        "serve", "--weights", hers / "mine.safetensors", "--feature", "scar", "--plugins", EXAMPLES, "--port", "0",
        "--out", tmp_path / "clicks", "--results", tmp_path / "runs", "--count", "150", "--device", "cpu", *STEPS,
        "--set", "evaluation.count=200",
    ]  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, words)], stdout=subprocess.PIPE, text=True)
    port = int(re.match(r"http://127.0.0.1:(\d+)/", process.stdout.readline())[1])
    site = Site(None, port)
    site.desk = type(
        "Told", (), {"token": re.search(r'name="token" value="([^"]+)"', site.get("/images/0/0?size=250").text)[1]}
    )
    yield site
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()


def scars(stream, count):
    """Return which samples have a scar; the example draws one where the first number is above 1."""
    return np.flatnonzero(randomness.draw(stream, range(count), 8)[:, 0].numpy() > 1).tolist()


@pytest.mark.slow
def test_from_the_first_click_to_what_is_left(served, tmp_path):
    assert served.click(*([n, True] for n in scars("feedback/0", 150))).content == {
        "selected": len(scars("feedback/0", 150))
    }
    assert served.form("/images/0/0", was=",".join(map(str, scars("feedback/0", 150))), tile=scars("feedback/0", 150), size=250, action="done").status == 303  # fmt: skip
    for other in ("retrain", "stored", "original"):  # needs images; names no file; unlearns nothing
        refused = served.form("/finish", action="run", method=other)
        assert refused.status == 400 and "There is no such method" in refused.text
    assert served.form("/finish", action="run", method="ours").headers["location"] == "/run"
    again = served.form("/finish", action="run", method="ours")
    assert again.status == 409 and "A run is in progress" in again.text
    assert served.get("/images/1/0").status == 404
    until = time.monotonic() + 300
    while served.get("/run/state").content["status"] == "running" and time.monotonic() < until:
        time.sleep(0.5)
    page = served.get("/run").text
    assert "a judge learnt from your clicks" in page and "Download the unlearned weights" in page
    (cell,) = (tmp_path / "runs").glob("ours-my_generator-scar-s0-*")
    weights = served.get("/run/weights")
    assert weights.headers["content-disposition"] == 'attachment; filename="my_generator-without-scar.safetensors"'
    assert int(weights.headers["content-length"]) == (cell / "unlearned.safetensors").stat().st_size
    assert served.get("/run/grid.png").headers["content-type"] == "image/png"
    # 200 fresh samples, of which two are said to have it still
    assert served.get("/images/1/0?size=100").status == 200 and served.form("/run/left").status == 409
    assert served.form("/images/1/0", tile=[5, 7], first=0, size=100, action="next").status == 303
    served.get("/images/1/0?first=100&size=100")
    assert served.form("/images/1/0", first=100, size=100, action="next").headers["location"] == "/run"
    record = Store(cell.parent).read(cell)
    found = record.metrics["clicked_ratio"]
    assert (found.value, found.n) == (0.01, 200) and found.low < 0.01 < found.high
    assert json.loads((cell / "clicks-after.json").read_text())["positive"] == [5, 7]
    assert "1.0 %" in served.get("/run").text
