"""Processes of ``torchrun`` that train together: one outcome, and an end with an error if one of them dies."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

pytestmark = pytest.mark.faults


def weights(folder):
    (file,) = Path(folder).glob("ours-*/unlearned.safetensors")
    return load_file(file)


def launched(commands, *more):
    """Start two processes; their messages are shown."""
    launcher = tuple(each for each in commands.torchrun if each not in ("--local-ranks-filter", "0"))
    return commands.run("ours -p epochs=700", "--results", "shared", "--together", *more, before=launcher)


def of_the_second(commands) -> dict[int, str]:
    """Return the processes of rank 1, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "environ").read_bytes()
            if commands.mark.encode() in told and b"\0RANK=1\0" in told:
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def until_it_trains(commands, process):
    """Wait for the first checkpoint."""
    until = time.monotonic() + 300
    while not list((commands.folder / "shared").rglob("checkpoint.pt")):
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.05)


def busiest(numbers) -> int:
    """Return the process that has computed most."""
    times = {each: Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:13] for each in numbers}
    return max(times, key=lambda each: sum(map(int, times[each])))


def test_two_processes_unlearn_one_cell(commands):
    commands.done(commands.run("ours -p epochs=700", "--results", "alone"))
    done = commands.done(launched(commands, "--json"))
    assert len(done.out.splitlines()) == 1, "the first process alone tells results"
    (alone,), (shared,) = commands.records("alone").values(), commands.records("shared").values()
    assert shared["key"] == alone["key"]
    assert [each["timings"]["unlearn"]["processes"] for each in (alone, shared)] == [1, 2]
    theirs = weights(commands.folder / "shared")
    for name, tensor in weights(commands.folder / "alone").items():
        assert (tensor - theirs[name]).norm() <= 1e-3 * tensor.norm(), name
    assert not list((commands.folder / "shared").rglob("checkpoint*")) and commands.nothing_runs()


@pytest.mark.parametrize("which", ["its command", "its training"])
def test_a_process_that_dies_ends_the_command_which_resumes(which, commands):
    process = launched(commands)
    until_it_trains(commands, process)
    theirs = of_the_second(commands)
    command = [number for number, line in theirs.items() if " run " in line]
    trains = busiest(number for number in theirs if number not in command)
    os.kill(command[0] if which == "its command" else trains, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode != 0 and commands.nothing_runs()
    assert "Run the same command again to resume" in err, err
    assert not commands.records("shared"), "the method is not to blame"
    commands.done(launched(commands))
    (record,) = commands.records("shared").values()
    assert record["status"] == "ok"


def test_a_request_to_stop_is_saved(commands):
    process = launched(commands)
    until_it_trains(commands, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode != 0 and "stopped after step" in err and commands.nothing_runs()


def test_a_training_of_ones_own_is_not_shared(commands, plugins):
    """The other process waits; the record says that one computed."""
    plugins.method("alone", "return Unlearned(generator)")
    launcher = commands.torchrun
    commands.done(commands.run("alone", "--results", "shared", "--together", before=launcher))
    (record,) = commands.records("shared").values()
    assert record["status"] == "ok" and record["timings"]["unlearn"]["processes"] == 1 and commands.nothing_runs()


def test_two_processes_pretrain(commands, mnist_dir):
    argv = ("pretrain", "--model", "vae", "--device", "cpu", "--data-dir", mnist_dir, "-p", "epochs=0.05")
    for name, before in {"alone": (), "shared": commands.torchrun}.items():
        commands.done(commands.start(*argv, "--out", f"{name}.safetensors", before=before))
    alone, shared = (load_file(commands.folder / f"{name}.safetensors") for name in ("alone", "shared"))
    assert alone.keys() == shared.keys()
    for name, tensor in alone.items():
        assert (tensor - shared[name]).norm() <= 1e-3 * tensor.norm(), name
    assert not list(commands.folder.glob("*.pt")) and commands.nothing_runs()
