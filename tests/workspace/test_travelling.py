"""Cells that are exported, and merged into another folder of results."""

from __future__ import annotations

import json
import shutil
import zipfile

import pytest
from made_records import made_record

from bench.core.files import file_sha256
from bench.workspace.store import travelling
from bench.workspace.store.store import Store


def number(value, metric="m"):
    return {"value": value, "n": 10, "low": value - 0.1, "high": value + 0.1, "higher_is_better": False, "source": "a test", "metric": metric}  # fmt: skip  # noqa: E501


def stored(store, digit, ratio=0.25, further=(), **more):
    """Store a cell with a picture, whose key is one digit; returns its folder."""
    folder = store.folder("ours-vae-slant-s0", digit * 64)
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "before-after.png"
    picture.write_bytes(b"a picture of " + digit.encode())
    metrics = {"m": number(ratio), **{name: number(1.0, name) for name in further}}
    runs = {name: {"key": "1"} for name in metrics}
    artefacts = {"picture": {"file": picture.name, "sha256": file_sha256(picture)}}
    store.write(folder, made_record(digit * 64, metrics=metrics, metric_runs=runs, artefacts=artefacts, **more))
    return folder


@pytest.fixture
def ours(tmp_path):
    return Store(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path):
    return Store(tmp_path / "theirs")


@pytest.fixture
def merge(bench_cli, ours):
    return lambda *sources: bench_cli("merge", *sources, "--results", ours.root)


@pytest.mark.parametrize("name", ["cells.zip", "folder"])
def test_what_is_exported_is_merged_and_counts(name, bench_cli, theirs, ours, merge, tmp_path):
    first, second = stored(theirs, "a"), stored(theirs, "b")
    stored(theirs, "c", status="failed", reason="KeyError")
    (first / ".lock").touch()
    done = bench_cli("export", "--results", theirs.root, "--out", tmp_path / name)
    assert done.code == 0 and "2 cells" in done.out
    merged = merge(tmp_path / name)
    assert merged.code == 0 and merged.out.count("added") == 2
    for folder in (first, second):
        copy = ours.root / folder.name
        assert sorted(path.name for path in copy.glob("[!.]*")) == ["before-after.png", "result.json"]
        assert all(
            (copy / each).read_bytes() == (folder / each).read_bytes() for each in ("before-after.png", "result.json")
        )
    again = merge(tmp_path / name)
    assert again.code == 0 and again.out.count("same") == 2


def test_a_conflict_keeps_both_and_says_where_they_differ(ours, theirs, merge):
    folder, _ = stored(ours, "a", 0.25), stored(theirs, "a", 0.5)
    before = (folder / "result.json").read_bytes()
    done = merge(theirs.root)
    assert done.code == 1 and "conflict" in done.out and "m 0.25 / 0.5" in done.out
    assert (folder / "result.json").read_bytes() == before
    (kept,) = folder.glob("conflicts/*/result.json")
    assert json.loads(kept.read_text())["metrics"]["m"]["value"] == 0.5
    assert len(ours.records()) == 1 and merge(theirs.root).code == 1 and len([*folder.glob("conflicts/*")]) == 1


def test_a_further_metric_is_added(ours, theirs, merge):
    folder, _ = stored(ours, "a", further=["x"]), stored(theirs, "a", further=["y"])
    done = merge(theirs.root)
    assert done.code == 0 and "completed" in done.out and "with y" in done.out
    assert sorted(ours.read(folder).metrics) == ["m", "x", "y"]
    assert ours.read(folder).metric_runs["y"].machine is None, "the same software"


def test_a_metric_that_both_have_stays_ours_and_a_further_one_is_skipped_no_more(ours, theirs, merge):
    folder, far = stored(ours, "a"), stored(theirs, "a", further=["diversity"])
    mine, record = ours.read(folder), theirs.read(far)
    ours.write(folder, mine.model_copy(update={"skipped_metrics": {"diversity": "does not load", "m": "half of it"}}))
    other = {"m2": record.metrics["m"], "shift": record.metrics["diversity"]}  # of another version of m; of diversity
    del record.metrics["diversity"]
    skipped = {"m": "not ours", "diversity[x]": "no x"}
    update = {"metrics": {**record.metrics, **other}, "skipped_metrics": skipped}
    theirs.write(far, record.model_copy(update=update))
    assert merge(theirs.root).code == 0
    merged = ours.read(folder)
    assert sorted(merged.metrics) == ["m", "shift"] and sorted(merged.metric_runs) == ["diversity", "m"]
    assert merged.skipped_metrics == {"diversity[x]": "no x", "m": "half of it"}


def test_a_further_metric_of_another_machine_names_it(ours, theirs, merge):
    folder, far = stored(ours, "a"), stored(theirs, "a", further=["y"])
    record = theirs.read(far)
    machine = record.provenance.machine.model_copy(update={"device": "cuda (far away)"})
    provenance = record.provenance.model_copy(update={"machine": machine})
    theirs.write(far, record.model_copy(update={"provenance": provenance}))
    assert merge(theirs.root).code == 0
    merged = ours.read(folder)
    assert merged.metric_runs["y"].machine == machine and merged.metric_runs["m"].machine is None
    assert "cuda (far away)" in {facts.device for facts in merged.machines}


def test_a_result_replaces_a_failure_and_not_the_other_way(ours, theirs, merge):
    folder = stored(ours, "a", status="failed", reason="KeyError")
    stored(theirs, "a")
    assert "ours was failed: KeyError" in merge(theirs.root).out
    assert ours.read(folder).status == "ok"
    stored(theirs, "a", status="failed", reason="KeyError")
    assert "worse" in merge(theirs.root).out and ours.read(folder).status == "ok"


def test_a_damaged_cell_is_named_and_stops_no_other(ours, theirs, merge):
    stored(theirs, "a")
    (stored(theirs, "b") / "before-after.png").write_bytes(b"another picture")
    (stored(theirs, "c") / "result.json").write_text("{")
    (stored(theirs, "d") / "before-after.png").unlink()
    done = merge(theirs.root)
    assert done.code == 1 and done.out.count("\ndamaged ") == 3
    assert done.out.startswith("added ") and ".incoming" not in done.out
    assert "is not the file that the record names" in done.out and "is missing" in done.out
    assert [record.key[0] for _, record in ours.records()] == ["a"]
    assert not list(ours.root.glob(".incoming*"))


def test_nothing_of_a_hostile_archive_lands_elsewhere(bench_cli, theirs, ours, merge, tmp_path):
    folder = stored(theirs, "a")
    archive = tmp_path / "hostile.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, f"{folder.name}/{path.name}")
        for name in (
            "../evil",
            "/tmp/evil",
            f"{folder.name}/../../evil",
            f"{folder.name}/.lock",
            f"{folder.name}/a/b",
            "evil",
        ):
            file.writestr(name, "evil")
    assert merge(archive).code == 0
    assert sorted(path.name for path in (ours.root / folder.name).glob("[!.]*")) == ["before-after.png", "result.json"]
    assert not list(tmp_path.rglob("evil*"))


def test_a_cell_whose_result_has_a_damaged_name_is_told(theirs, merge, tmp_path):
    """The checksums of an archive do not cover its names."""
    folder = stored(theirs, "a")
    with zipfile.ZipFile(tmp_path / "damaged.zip", "w") as file:
        file.write(folder / "result.json", f"{folder.name}/resuot.json")
    done = merge(tmp_path / "damaged.zip")
    assert done.code == 1 and done.out.startswith("damaged ") and "result.json: is missing" in done.out


def test_every_bit_of_an_archive_is_checked(bench_cli, theirs, tmp_path):
    """One bit in each of 40 bytes: an error, a cell that is named as damaged, or (in a time, a flag) no harm."""
    folder = stored(theirs, "a")
    bench_cli("export", "--results", theirs.root, "--out", tmp_path / "whole.zip")
    data = (tmp_path / "whole.zip").read_bytes()
    whole = {path.name: path.read_bytes() for path in folder.glob("[!.]*")}
    for place in range(0, len(data), max(len(data) // 40, 1)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "bit.zip").write_bytes(damaged)
        shutil.rmtree(tmp_path / "bit", ignore_errors=True)
        done = bench_cli("merge", tmp_path / "bit.zip", "--results", tmp_path / "bit")
        assert done.code in (0, 1, 4) and "Traceback" not in done.err, (place, done.err)
        for path in (tmp_path / "bit").glob("*/[!.]*"):
            assert path.read_bytes() == whole[path.name], place


def test_a_wrong_source_is_told_before_anything_is_written(ours, theirs, merge, tmp_path):
    stored(theirs, "a")
    (tmp_path / "text.zip").write_text("no archive")
    for wrong in (tmp_path / "text.zip", tmp_path / "nothing"):
        done = merge(theirs.root, wrong)
        assert done.code == 4 and str(wrong) in done.err
    assert not ours.root.exists()


def test_every_archive_is_closed_after_a_merge(bench_cli, theirs, ours, merge, tmp_path, monkeypatch):
    made, opens = [], zipfile.ZipFile
    stored(theirs, "a")
    assert bench_cli("export", "--results", theirs.root, "--out", tmp_path / "a.zip").code == 0
    monkeypatch.setattr(travelling.zipfile, "ZipFile", lambda path: made.append(opens(path)) or made[-1])
    assert merge(tmp_path / "a.zip", tmp_path / "a.zip").code == 0
    assert merge(tmp_path / "a.zip", tmp_path / "nothing.zip").code == 4
    assert len(made) == 3 and all(archive.fp is None for archive in made)


def test_export_refuses_to_overwrite_and_says_what_is_missing(bench_cli, theirs, tmp_path):
    assert bench_cli("export", "--results", tmp_path / "none", "--out", tmp_path / "x").code == 5
    stored(theirs, "a")
    assert bench_cli("export", "--results", theirs.root, "--out", tmp_path / "x").code == 0
    again = bench_cli("export", "--results", theirs.root, "--out", tmp_path / "x")
    assert again.code == 4 and "bench merge" in again.err
    wrong = bench_cli("export", "--results", theirs.root, "--out", tmp_path / "x.tar.gz")
    assert wrong.code == 4 and ".zip" in wrong.err
    assert bench_cli("export", "--results", theirs.root, "--out", tmp_path / "y", "--method", "probe").code == 5


def test_export_writes_over_no_file(bench_cli, theirs, tmp_path):
    stored(theirs, "a")
    for name in ("notes.zip", "folder.zip"):
        there = tmp_path / name
        there.mkdir() if name == "folder.zip" else there.write_text("mine")
        done = bench_cli("export", "--results", theirs.root, "--out", there)
        assert done.code == 4
        assert done.err == f"Error: --out {there}: already exists. Remove it, or name another file\n"
    assert (tmp_path / "notes.zip").read_text() == "mine"


def test_a_dry_run_of_a_merge_writes_nothing(bench_cli, theirs, ours, tmp_path):
    stored(theirs, "a")
    assert bench_cli("export", "--results", theirs.root, "--out", tmp_path / "ex.zip").code == 0
    for source in (tmp_path / "ex.zip", theirs.root):
        done = bench_cli("merge", source, "--results", ours.root, "--dry-run")
        assert done.code == 0 and done.out.startswith("added ") and "1 added (nothing was written)" in done.err
    assert not ours.root.exists()


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_source_without_results_is_told(more, bench_cli, theirs, ours, tmp_path):
    (samples := tmp_path / "samples").mkdir()
    (samples / "000000.png").write_text("")
    done = bench_cli("merge", samples, "--results", ours.root, *more)
    assert done.code == 5 and done.err == f"{samples}: holds no results\n" and not ours.root.exists()
    stored(Store(samples / "runs"), "a")
    done = bench_cli("merge", samples, "--results", ours.root, *more)
    assert done.code == 5 and done.err == f"{samples}: holds no results. Try {samples / 'runs'}\n"
    stored(theirs, "b")
    done = bench_cli("merge", samples, theirs.root, "--results", ours.root, *more)
    assert done.code == 0 and f"{samples}: holds no results" in done.err and "1 added" in done.err
