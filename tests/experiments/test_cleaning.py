"""``bench clean``: what is removed, what stays, and how many bytes that frees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from made_records import made_record
from small_cells import QUICK, folders

from bench.cli.clean import KINDS
from bench.workspace.store import leftovers
from bench.workspace.store.store import Store
from bench.workspace.store.sweeps import CELLS, SWEEPS


@pytest.fixture
def clean(bench_cli, tmp_path, plugins):
    """Call ``bench clean`` on the results of ``on_bars``, with the plug-ins of the test."""

    def call(*asked):
        done = bench_cli("clean", "--results", tmp_path / "runs", "--plugins", plugins.path, "--device", "cpu", *asked)
        assert done.code == 0, done.err
        return done.out.splitlines()

    return call


@pytest.fixture
def run(on_bars, plugins):
    """Call ``bench run`` on ``bars``, with the plug-ins of the test."""
    return lambda *asked, **named: on_bars(*asked, plugins=plugins.path, **named)


def names(tmp_path):
    return {folder.name.rsplit("-", 1)[0] for folder in folders(tmp_path)}


def stages(tmp_path):
    return {path.name for path in (tmp_path / "runs" / ".stages").iterdir()}


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_is_in_use_is_not_listed(run, clean):
    assert run("ours,original", *QUICK).code == 0
    assert clean() == ["nothing to remove"] and clean("--yes", "--what", ",".join(leftovers.KINDS)) == [
        "nothing to remove"
    ]
    assert "2 stored, 0 to run" in run("ours,original", *QUICK, "--dry-run").out


def test_a_failed_cell_goes_with_the_stages_that_were_its_own(run, clean, plugins, tmp_path):
    plugins.method("broken", 'raise KeyError("lost")')
    assert run("original").code == 0
    before = stages(tmp_path)
    assert run("broken").code == 1
    listed = clean()
    assert [line.split()[0] for line in listed] == ["failed", "orphaned", f"{len(listed) - 1}"]
    assert "KeyError: 'lost'" in listed[0] and listed[-1].endswith("Nothing was removed; to remove it, add --yes")
    assert names(tmp_path) == {"original-bars-thickness-s0", "broken-bars-thickness-s0"}
    assert clean("--yes")[-1].startswith("2 removed, ")
    assert names(tmp_path) == {"original-bars-thickness-s0"} and stages(tmp_path) == before
    assert clean() == ["nothing to remove"]
    assert run("original", "--dry-run").out.startswith("cached ")


def test_cells_of_other_code_are_stale_and_their_bytes_are_counted_once(run, clean, plugins, tmp_path):
    file = plugins.add("plain")
    assert run("plain,original").code == 0
    file.write_text(file.read_text().replace("deepcopy(generator)", "deepcopy(deepcopy(generator))"))
    listed = clean()
    assert listed[0].startswith("stale ") and "/plain-bars-thickness-s0-" in listed[0] and "have changed" in listed[0]
    total = size_of(tmp_path / "runs")
    assert clean("--yes")[-1].startswith(f"{len(listed) - 1} removed, ")
    (left,) = names(tmp_path)
    assert left == "original-bars-thickness-s0" and size_of(tmp_path / "runs") < total


def test_the_bytes_are_those_that_the_disk_gets_back(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    (first / "weights").write_bytes(bytes(1000))
    (second / "weights").hardlink_to(first / "weights")
    (second / "own").write_bytes(bytes(30))
    assert leftovers.freed([first]) == 0, "the other name keeps it"
    assert leftovers.freed([second]) == 30 and leftovers.freed([first, second]) == 1030


@pytest.mark.parametrize("gone", ["columns.npz", f"unlearn-{'2' * 16}"])
def test_what_a_cell_removes_while_it_is_counted_is_nothing_to_count(gone, bench_cli, tmp_path, monkeypatch):
    """A file or folder that was seen is no longer there when its size is asked for."""
    stat = Path.stat

    def asked(self, **how):
        if self.name == gone:
            shutil.rmtree(self, ignore_errors=True)
            self.unlink(missing_ok=True)
        return stat(self, **how)

    for command in (("cache", "ls"), ("cache", "gc", "--max-size", "1MB"), ("clean",)):
        for number in (1, 2):
            folder = tmp_path / ".stages" / f"unlearn-{str(number) * 16}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "columns.npz").write_bytes(bytes(10))
            (folder / "sealed.json").write_bytes(bytes(20))
        more = () if command[-1] == "ls" else ("--device", "cpu")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "stat", asked)
            done = bench_cli(*command, "--results", tmp_path, *more)
        assert done.code == 0, done.err


@pytest.mark.parametrize("missing", ["plug-in", "weights"])
def test_what_cannot_be_judged_stays_and_is_named(missing, run, clean, plugins, bars, tmp_path):
    file, weights = plugins.add("plain"), tmp_path / "mine.safetensors"
    shutil.copy(bars.weights, weights)
    assert run("plain", "--weights", weights).code == 0
    (file if missing == "plug-in" else weights).unlink()
    listed = clean("--yes")
    assert listed[0].startswith("kept ") and listed[1:] == ["nothing to remove"]
    assert ("unknown method 'plain'" if missing == "plug-in" else "mine.safetensors") in listed[0]
    assert names(tmp_path) == {"plain-bars-thickness-s0"}


def test_cells_of_a_feedback_file_are_judged_by_that_file(run, clean, tmp_path):
    assert run("original").code == 0
    (clicks,) = (tmp_path / "runs" / ".stages").glob("feedback-*/feedback.json")
    given = tmp_path / "clicks.json"
    shutil.copy(clicks, given)
    assert run("ours", *QUICK, "--feedback", given).code == 0
    assert clean() == ["nothing to remove"]
    content = json.loads(given.read_text())
    del content["sha256"]
    given.write_text(json.dumps({**content, "positive": content["positive"][1:]}))
    listed = clean()
    assert listed[0].startswith("stale ") and "/ours-bars-" in listed[0]


def test_stopped_cells_and_their_stages_stay_until_they_are_asked_for(run, clean, interrupt_at, tmp_path):
    heal = interrupt_at(5)
    assert run("ours", "-p", "epochs=12").code == 2
    heal()
    assert clean("--yes")[-1] == "nothing to remove"
    assert run("ours", "-p", "epochs=12", "--dry-run").out.startswith("resume ")
    listed = clean("--what", "stopped,orphaned")
    assert [line.split()[0] for line in listed[:-1]].count("stopped") == 2, "the cell, and its training"
    clean("--yes", "--what", "stopped,orphaned")
    assert folders(tmp_path) == [] and stages(tmp_path) == set()


def test_what_a_process_works_on_stays(run, clean, plugins, tmp_path):
    plugins.method("broken", 'raise KeyError("lost")')
    assert run("broken").code == 1
    (folder,) = folders(tmp_path)
    with Store(tmp_path / "runs").locked(folder):
        listed = clean("--yes")
        assert listed == [f"kept       {folder}  (a process works on it)", "nothing to remove"] and folder.is_dir()
        assert not leftovers.remove(folder) and folder.is_dir()
    (stage,) = (tmp_path / "runs" / ".stages").glob("unlearn-*")
    with Store(tmp_path / "runs").locked(stage):
        assert "1 removed" in clean("--yes", "--what", "failed")[-1] and stage.is_dir()
        assert any(line.startswith("kept ") and stage.name in line for line in clean("--yes"))
        assert stage.is_dir()
    assert clean("--yes")[-1].startswith("1 removed") and not stage.exists()


def test_older_formats_go_and_newer_ones_and_other_programs_files_stay(clean, tmp_path):
    runs = tmp_path / "runs"
    for name, content in (
        ("lite-ours-vae-slant-s0-12345678", '{"key": "1", "status": "ok", "format": 2}'),
        ("lite-ours-vae-slant-s1-12345678", '{"key": "1", "status": "ok"}'),
        ("ours-vae-slant-s2-1234567812345678", '{"key": "1", "status": "ok", "format": 99}'),
        ("cut", "{"),
        ("other", '{"format": 1, "accuracy": 0.5}'),
    ):
        (runs / name).mkdir(parents=True)
        (runs / name / "result.json").write_text(content)
    (runs / "notes").mkdir()
    (runs / "cut" / "result.json.1.unreadable").write_text("{")
    clean("--yes", "--what", ",".join(leftovers.KINDS))
    assert {path.name for path in runs.iterdir()} - {".stages"} == {
        "ours-vae-slant-s2-1234567812345678", "cut", "other", "notes",
    }  # fmt: skip
    assert [path.name for path in (runs / "cut").iterdir()] == ["result.json"]


def test_every_kind_that_is_listed_can_be_asked_for(tmp_path):
    store, key = Store(tmp_path), "12345678" * 8
    store.write(tmp_path / f"ours-vae-slant-s0-{key[:16]}", made_record(key=key, status="failed"))
    for name, content in (
        ("ours-vae-slant-s1-12345678/result.json", '{"key": "1", "status": "ok", "format": 2}'),
        ("cut/result.json.1.unreadable", "{"),
        ("ours-vae-slant-s2-1234567812345678/.lock", ""),
        (f"{SWEEPS}/host-1-1/{CELLS}", "one"),
        (".stages/unlearn-1234567812345678/unlearned.safetensors", ""),
        (".stages/unlearn-8765432187654321/checkpoint.pt", ""),
        (".stages/.unlearn-1234567812345679.removed/checkpoint.pt", ""),
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(content)
    finders = (leftovers.failed, leftovers.of_older_formats, leftovers.unfinished, leftovers.not_begun)
    found = [each for find in finders for each in find(store)] + [*leftovers.orphaned(store, [])]
    assert len(found) == 8 and {each.kind for each in found} == set(leftovers.KINDS)
    assert KINDS == leftovers.KINDS, "those of --what"


def test_an_unknown_kind_is_refused(bench_cli, tmp_path):
    done = bench_cli("clean", "--results", tmp_path, "--what", "fail")
    assert done.code == 4 and "--what: unknown kind 'fail'. Did you mean 'failed'?" in done.err
