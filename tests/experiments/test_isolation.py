"""Methods that misbehave, in processes of their own: they spoil no other cell, no judge and no stored description."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_cells import records
from small_cut import COMMAND

TESTS = Path(__file__).parents[1]
PATHS = os.pathsep.join([str(TESTS.parent), str(TESTS / "support")])
BACK = "\nreturn Unlearned(deepcopy(generator))"

SPOILING = {  # what a method leaves behind in its interpreter, and still hands back a generator
    "teacher_hook": "for m in generator.modules():\n    m.register_forward_hook(lambda m, i, o: o * 0.9)",
    "teacher_render": "generator.render = lambda latents: torch.zeros(len(latents), *generator.image_shape)",
    "teacher_class": "type(generator).render = lambda self, latents: torch.zeros(len(latents), *self.image_shape)",
    "patch_randn": "torch.randn = lambda *a, **k: torch.zeros(a[0] if isinstance(a[0], tuple) else a)",
    "patch_metric": "from bench.evaluation import metrics\nmetrics.compute_metrics = None",
    "patch_pass": "from bench.evaluation import drawing\ndrawing.to_uint8 = lambda images: (images * 0).byte()",
    "patch_numpy": "import numpy as np\nnp.concatenate = None",
    "threads": "torch.set_num_threads(7)",
    "dtype": "torch.set_default_dtype(torch.float64)",
    "no_gradients": "torch.set_grad_enabled(False)",
    "other_folder": "import os\nos.chdir('/')",
    "left_thread": "import threading, time\nthreading.Thread(target=lambda: time.sleep(300)).start()",
    "prints": 'print(\'{"status": "ok"}\' * 3)',
    "seeds": "torch.manual_seed(0)\ntorch.use_deterministic_algorithms(True)",
}
ENDING = {  # how its process ends before it hands anything back: body, status, words of the reason
    "exits": ("import os\nos._exit(0)", "failed", "ended with exit code 0"),
    "segfault": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "killed", "SIGSEGV"),
    "kill": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "killed", "SIGKILL"),
    "abort": ("import os\nos.abort()", "killed", "SIGABRT"),
    "ctrl_c": ("raise KeyboardInterrupt", "failed", "KeyboardInterrupt"),
    "generator_exit": ("raise GeneratorExit", "failed", "GeneratorExit"),
    "wordless": (
        "class Odd(Exception):\n    def __str__(self):\n        raise KeyError\nraise Odd",
        "failed",
        "Odd: (its text cannot be made)",
    ),
    "closed": ("import os\nos.closerange(0, 200)\nos._exit(3)", "failed", "ended with exit code 3"),
    "fork": ("import os, time\nif os.fork() == 0:\n    time.sleep(300)\nos._exit(5)", "failed", "exit code 5"),
}


@pytest.fixture
def alone(on_bars, tmp_path, apart):
    """Return the metrics of two clean cells, in a results folder that no misbehaving method has seen."""
    found = {r["method"]: r["metrics"] for r in records(on_bars("original,latent_edit", "--json"))}
    (tmp_path / "runs").rename(tmp_path / "clean")
    assert len(found) == 2
    return found


def test_what_a_method_leaves_behind_reaches_no_other_cell(plugins, on_bars, alone):
    for name, body in SPOILING.items():
        plugins.method(name, body + BACK)
    done = on_bars(",".join([*SPOILING, "original", "latent_edit"]), "--json", plugins=plugins.path)
    found = {r["method"]: r for r in records(done)}
    assert {name: r["status"] for name, r in found.items()} == dict.fromkeys(found, "ok"), done.err
    assert len(found) == len(SPOILING) + 2 and len(done.out.splitlines()) == len(found), "prints went elsewhere"
    for name, metrics in alone.items():
        assert found[name]["metrics"] == metrics
    unspoiled = alone["original"]
    for name in SPOILING:  # each handed back a copy of the original's weights: its own cell is judged soundly too
        if name != "teacher_class" and not name.startswith("teacher_"):
            same = {metric: found[name]["metrics"][metric]["value"] for metric in ("target_ratio", "retain_change")}
            assert same == {metric: unspoiled[metric]["value"] for metric in same}, name


def test_a_method_whose_process_ends_costs_its_own_cell(plugins, on_bars, alone):
    for name, (body, _, _) in ENDING.items():
        plugins.method(name, body)
    began = time.monotonic()
    done = on_bars(",".join([*ENDING, "original", "latent_edit"]), "--json", plugins=plugins.path)
    assert done.code == 1 and time.monotonic() - began < 120, "nothing is waited for"
    found = {r["method"]: r for r in records(done)}
    for name, (_, status, words) in ENDING.items():
        assert found[name]["status"] == status and words in found[name]["reason"], (name, found[name]["reason"])
        assert found[name]["metrics"] == {}
    assert {name: found[name]["metrics"] for name in alone} == alone


def test_a_child_that_a_method_leaves_behind_is_not_waited_for(plugins, on_bars, apart):
    plugins.method("forks", ENDING["fork"][0])  # the child sleeps for 300 s
    began = time.monotonic()
    assert on_bars("forks", plugins=plugins.path).code == 1
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ("needs = None", "needs is not what"),
        ("needs = 'oracle'", "needs is not what"),
        ("def also_asks(self):\n    return 1 / 0", "also_asks failed: ZeroDivisionError"),
        ("def also_asks(self):\n    return 7", "also is not what"),
        ("def supports(self, model, feature):\n    raise SystemExit(0)", "supports failed: SystemExit"),
        ("def __init__(self, config):\n    raise KeyError('x')", "__init__ failed: KeyError"),
    ],
)
def test_what_a_method_says_of_itself_wrongly_costs_its_own_cell(attributes, words, plugins, on_bars):
    plugins.method("odd", "raise AssertionError", attributes)
    done = on_bars("odd,original", "--json", plugins=plugins.path)
    assert done.code == 1 and [r["method"] for r in records(done)] == ["original"]
    assert words in done.err and "Traceback" not in done.err


def test_the_judge_imports_no_method(plugins, on_bars, apart, monkeypatch):
    """A method whose module changes what others compute with, as soon as it is imported, is judged soundly."""
    from bench.evaluation import drawing, metrics

    monkeypatch.setattr(metrics, "compute_metrics", metrics.compute_metrics)  # put back afterwards: the plan, which
    monkeypatch.setattr(drawing, "to_uint8", drawing.to_uint8)  # computes nothing, imports the method in this process
    plain = records(on_bars("original", "--json"))[0]["metrics"]
    file = plugins.method("on_import", "return Unlearned(deepcopy(generator))")
    poison = "\n\ndef _spoil(*_args, **_more):\n    raise AssertionError('a method was asked')\n"
    patches = "import bench.evaluation.metrics as m\nm.compute_metrics = _spoil\nimport bench.evaluation.drawing as d\nd.to_uint8 = _spoil\n"  # noqa: E501
    file.write_text(file.read_text() + poison + patches)
    (record,) = records(on_bars("on_import", "--json", plugins=plugins.path))
    assert record["status"] == "ok", record["reason"]
    assert record["metrics"]["target_ratio"] == plain["target_ratio"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import os; os._exit(0)", "its import ends the process: the process ended with exit code 0"),
        ("import os; os.abort()", "its import ends the process: the process was killed by signal 6"),
        ("import time; time.sleep(100)", "its import has not ended after 2 s"),
        ("while True: pass", "its import has not ended after 2 s"),
        ("raise SystemExit(0)", "cannot be loaded: SystemExit"),
    ],
)
def test_an_import_that_does_not_end_well_costs_its_own_cell(line, words, plugins, on_bars, apart, monkeypatch):
    monkeypatch.setattr("bench.workspace.trial.SECONDS", 2.0)
    file = plugins.method("odd", "raise AssertionError")
    file.write_text(f"{file.read_text()}\n{line}\n")
    done = on_bars("odd,original", "--json", plugins=plugins.path)
    assert done.code == 1 and [r["method"] for r in records(done)] == ["original"]
    assert words in done.err and "Traceback" not in done.err


def test_what_an_import_prints_or_moves_reaches_nobody(plugins, on_bars):
    file = plugins.method("odd", "return Unlearned(deepcopy(generator))")
    file.write_text(f"{file.read_text()}\nimport os\nprint('here')\nos.chdir('/')\n")
    before = Path.cwd()
    done = on_bars("odd,original", "--json", plugins=plugins.path)
    assert done.code == 0 and len(records(done)) == 2 and "here" in done.err
    assert Path.cwd() == before


# --- stopped ------------------------------------------------------------------------------------------

SLOW = "for step in context.steps(100000, {}):\n    import time\n    time.sleep(0.01)\n"


@pytest.fixture
def started(plugins, bars, tmp_path):
    """Start ``bench run`` on a slow method in a process; wait until it unlearns."""
    plugins.method("slow", SLOW + "return Unlearned(deepcopy(generator))")
    plugins.method("deaf", "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass")  # fmt: skip  # noqa: E501

    def start(method: str, *ignored: signal.Signals) -> subprocess.Popen[str]:
        def before() -> None:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be ignored
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        process = subprocess.Popen(
            [
                sys.executable, "-c", COMMAND, "run", "--method", method, "--model", "bars",
                "--dataset", "mnist", "--weights", str(bars.weights), "--feature", "thickness", "--plugins",
                str(plugins.path), "--device", "cpu", "--set", "feedback.count=30", "--set", "evaluation.count=40",
            ],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": PATHS}, stderr=subprocess.PIPE, text=True, preexec_fn=before,
        )  # fmt: skip
        until = time.monotonic() + 60
        while not list(tmp_path.glob("results/runs/.stages/unlearn-*/.lock")) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.5)
        return process

    return start


@pytest.mark.parametrize(
    ("name", "ignored"),
    [("SIGINT", ()), ("SIGTERM", ()), ("SIGHUP", ()), ("SIGTERM", (signal.SIGINT,))],  # the last: `bench run ... &`
)
def test_whoever_asks_to_stop_the_training_is_saved(name, ignored, started, tmp_path):
    process = started("slow", *ignored)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2, err
    assert "Interrupted (stopped after step " in err and "Traceback" not in err
    assert list(tmp_path.glob("results/runs/.stages/unlearn-*/checkpoint.pt"))
    assert not list(tmp_path.glob("results/runs/*/result.json"))


def test_a_method_that_does_not_listen_is_ended(started, tmp_path):
    process = started("deaf")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2 and time.monotonic() - began < 30 and "Traceback" not in err


def test_nothing_outlives_a_killed_command(started, tmp_path):
    process = started("slow")
    (folder,) = tmp_path.glob("results/runs/.stages/unlearn-*")
    holder = int((folder / ".holder").read_text().split()[1])
    process.kill()
    process.communicate(timeout=20)
    until = time.monotonic() + 10
    while Path(f"/proc/{holder}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{holder}").exists()


FULL = f"""
import resource, sys

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))
{COMMAND}
"""


@pytest.mark.parametrize("room", [300, 5_000])
def test_a_full_disk_is_not_the_method_s_failure(room, bars, tmp_path):
    """A limit on the size of files, as a stand-in for a full disk: the record of bars takes more."""
    argv = [
        "run", "--method", "ours,original", "--model", "bars", "--dataset", "mnist", "--weights", str(bars.weights),
        "--feature", "thickness", "--plugins", str(bars.folder.path), "--device", "cpu", "-p", "epochs=2",
        "--set", "feedback.count=30", "--set", "evaluation.count=40",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": PATHS}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(room), *argv], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert "File too large. Make room, then run the same command again" in done.stderr and " bytes): " in done.stderr
    assert "Traceback" not in done.stderr and not list(tmp_path.rglob("result.json"))


def test_the_plan_is_not_asked_twice_for_what_another_process_stored(on_bars, bars, tmp_path, monkeypatch):
    """Whoever waited for a cell takes what the other stored."""
    first = records(on_bars("original", "--json"))[0]
    result = next((tmp_path / "runs").glob("*/result.json"))
    hidden = result.read_bytes()
    result.unlink()
    from bench.workspace.store.store import Store

    plain = Store.locked

    def locked(self, folder, *more, **named):
        if folder == result.parent and not result.exists():
            result.write_bytes(hidden)  # stored by another process just before the lock was free
        return plain(self, folder, *more, **named)

    monkeypatch.setattr(Store, "locked", locked)
    monkeypatch.setattr("bench.experiments.stages.run._stages", lambda *_: pytest.fail("computed again"))
    assert json.dumps(records(on_bars("original", "--json"))[0]) == json.dumps(first)
