"""``bench check`` runs in a process of its own: whatever a plug-in does there, a sentence says so and the command ends."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[1] / "plugins"
DONE = "\nreturn Unlearned(deepcopy(generator))"
ENDS = {
    "exits": ("import os\nos._exit(0)", "the process ended with exit code 0 before it was done; the rest was not checked"),
    "crashes": ("import os\nos.kill(os.getpid(), 11)", "the process was killed by signal 11 (SIGSEGV) before it was done; the rest"),
    "aborts": ("import os\nos.abort()", "the process was killed by signal 6 (SIGABRT) before it was done; the rest was not"),
    "hangs": ("while True:\n    pass", "it has not ended after 4 s (--timeout SECONDS); the rest was not checked"),
    "sleeps": ("import time\ntime.sleep(600)", "it has not ended after 4 s (--timeout SECONDS); the rest was not checked"),
    "interrupts": ("import os, signal\nos.kill(os.getpid(), signal.SIGINT)", "it interrupts the process (SIGINT)"),
    "raises_interrupt": ("raise KeyboardInterrupt", "it interrupts the process (SIGINT)"),
    "system_exit": ("raise SystemExit(0)", r"SystemExit: 0 \(.*ends.py:2\d\)"),
    "generator_exit": ("raise GeneratorExit", r"GeneratorExit: raise GeneratorExit \(.*ends.py:2\d\)"),
    "memory": ("raise MemoryError", r"MemoryError: raise MemoryError \(.*ends.py:2\d\)"),
    "no_text": (
        "class Mute(Exception):\n    def __str__(self):\n        raise ValueError\nraise Mute",
        r"Mute: its text cannot be made \(.*ends.py:2\d\)",
    ),
    "its_own_assertion": ("assert generator.noise_dim == 512", r"AssertionError: assert generator.noise_dim == 512 \(.*ends.py:2\d\)"),
    "deep_in_torch": ("generator(torch.zeros(1, 3))", r"RuntimeError: mat1 and mat2 shapes .* \(.*ends.py:2\d\)"),
    "recursion": ("f = lambda n: f(n + 1)\nf(0)", "RecursionError: maximum recursion depth exceeded"),
    "none": ("return None", "unlearn returned NoneType, not bench.api.Unlearned"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_a_method_that_ends_badly_is_told(name, plugins, bench_cli):
    body, message = ENDS[name]
    plugins.method("ends", body + DONE)
    began = time.monotonic()
    done = bench_cli(
        "check", "ends", "--plugins", plugins.path, "--timeout", "4" if name in ("hangs", "sleeps") else "300"
    )
    assert done.code == 3, done.out
    told = re.search(r"FAILED method ends: original_is_left_alone\n       (.*)\n", done.out)
    assert told and re.search(message if ".*" in message else re.escape(message), told[1]), done.out
    assert done.out.count(told[1]) == 1, "said once"
    assert re.search(r"^\d+ passed, \d failed$", done.out, re.MULTILINE) and time.monotonic() - began < 120


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import os\nos.fork()", "which processes it has started has changed"),
        ("import threading\nthreading.Thread(target=threading.Event().wait).start()", "which threads run has changed"),
        ("import sys\nsys.stdout.close()", "sys.stdout has changed"),
        ("import os\nos.chdir('/')", "the working folder (os.chdir) has changed"),
    ],
    ids=["fork", "thread", "stdout", "chdir"],
)
def test_what_outlives_a_method_is_told_and_the_command_ends(body, message, plugins, bench_cli):
    plugins.method("leaves", body + DONE)
    done = bench_cli("check", "leaves", "--plugins", plugins.path)
    assert done.code == 3 and message in done.out and done.out.endswith(" passed, 1 failed\n"), done.out


def test_what_a_plug_in_prints_is_not_mixed_with_the_outcomes(plugins, bench_cli):
    plugins.method("prints", "print('noise')\nimport os\nos.write(1, b'more noise')" + DONE)
    done = bench_cli("check", "prints", "--plugins", plugins.path)
    assert done.code == 0 and "noise" not in done.out
    *each, last = done.out.splitlines()
    assert all(line.startswith("ok     method prints: ") for line in each)
    assert len(each) >= 15 and last == f"{len(each)} passed, 0 failed"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import os; os._exit(0)", "the process ended with exit code 0"),
        ("while True: pass", "it has not ended after 4 s"),
        ("raise SystemExit(0)", "cannot be loaded: SystemExit: 0"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError: division by zero (line "),
    ],
)
def test_an_import_that_ends_badly_is_told(line, message, plugins, bench_cli):
    file = plugins.add("plain", as_name="importing")
    file.write_text(f"{file.read_text()}\n\n{line}\n")
    done = bench_cli("check", file, "--timeout", "4")
    assert done.code == 3 and "FAILED method importing: loads\n       " in done.out and message in done.out


def test_the_working_folder_is_the_one_where_it_was_typed(plugins, bench_cli, tmp_path):
    (tmp_path / "helping.py").write_text("HELP = 1\n")
    plugins.method("helped", "from helping import HELP\nassert HELP == 1" + DONE)
    assert bench_cli("check", "helped", "--plugins", "loose", cwd=tmp_path).code == 0


# --- every plug-in of these tests -------------------------------------------------------------------------

SAID = {  # of those that do not keep the contract: the first check that fails, and what it says
    "blind": ("original_is_left_alone", "KeyError: 'TEST_CALLS' ("),
    "hungry": ("original_is_left_alone", "AssertionError: assert len(data.split) == 60_000"),
    "level": ("others_are_attributes", "non_target('Left') is ('Left',)"),
    "strips": ("what_is_trained_learns_from_it", "'digits' cannot be trained on this data set, whose attributes are Dark, Odd"),
    "shelf": ("images_are_here", "shelf.npy: no such file. Put it there."),
    "stubborn": ("original_is_left_alone", "it interrupts the process (SIGINT)"),
    "wild": ("original_is_left_alone", "training diverged: loss = nan at step 7."),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(path.stem for path in PLUGINS.glob("*.py")))
def test_every_plug_in_of_the_tests_passes_or_is_told_what_is_wrong(name, bench_cli, tmp_path):
    done = bench_cli("check", name, "--plugins", PLUGINS, "--data-dir", tmp_path)
    failed = re.search(r"FAILED [^:]*: (\w+)\n       (.*)", done.out)
    if name not in SAID:
        assert done.code == 0 and failed is None, done.out
    else:
        check, said = SAID[name]
        assert (
            done.code == 3 and failed and failed[1] == check and failed[2].replace(str(PLUGINS), "").find(said) >= 0
        ), done.out
