"""``bench status`` and ``bench.results``: what is stored, as lines, as JSON, as a frame."""

from __future__ import annotations

import json
import os

import pandas as pd
import pytest
from made_records import made_record
from small_cells import QUICK, folders

import bench
from bench.errors import UsageError
from bench.workspace.store.store import Store


def number(value, **more):
    return {"value": value, "n": 10, "higher_is_better": False, "source": "a test", "metric": "m", **more}


@pytest.fixture
def runs(tmp_path):
    """Store five cells, one stopped cell and one unreadable file."""
    store = Store(tmp_path / "runs")
    cells = [
        ("ours", "vae", "slant", 0, {"epochs": 4, "keep": []}, {"target_ratio": number(0.25, low=0.1, high=0.4)}),
        ("ours", "vae", "slant", 1, {"epochs": 9, "keep": ["a", "b"]}, {"fid[digits]": number(3.0)}),
        ("probe", "vae", "thickness", 0, {"members": 8}, {}),
        ("ours", "dcgan", "slant", 0, {"epochs": 4, "keep": []}, {}),
    ]
    for i, (method, model, feature, seed, params, metrics) in enumerate(cells):
        key = f"{i}" * 64
        fields = {"method": method, "model": model, "feature": feature, "seed": seed, "params": params}
        failed = {"status": "failed", "reason": "KeyError: 'x'\nTraceback"} if method == "probe" else {}
        timings = {"unlearn": {"seconds": 2.5, "peak_memory_mb": 1.0}}
        made = made_record(key, metrics=metrics, timings=timings, **fields, **failed)
        store.write(store.folder(f"{method}-{model}-{feature}-s{seed}", key), made)
    (store.root / f"ours-vae-thickness-s2-{'e' * 16}").mkdir()
    (store.root / "ours-vae-slant-s3-cccccccccccccccc").mkdir()
    (store.root / "ours-vae-slant-s3-cccccccccccccccc" / "result.json").write_text("{")
    return store.root


@pytest.mark.parametrize(
    ("asked", "cells"),
    [
        ("", 6),
        ("--method ours", 5),
        ("--method ours --model vae", 4),
        ("--method probe,original", 1),
        ("--feature thickness", 2),
        ("--seed 0", 3),
        ("--seed 1-3", 3),
        ("--status ok", 3),
        ("--status failed --status stopped", 2),
        ("--status unreadable", 1),
        ("--method probe --seed 1", 0),
    ],
)
def test_status_lists_what_is_asked_for(asked, cells, runs, bench_cli):
    plain = bench_cli("status", "--results", runs, *asked.split())
    lines = bench_cli("status", "--results", runs, "--json", *asked.split())
    assert len(plain.out.splitlines()) == len(lines.out.splitlines()) == cells
    assert plain.code == lines.code == (0 if cells else 5)
    assert cells or plain.err == f"{runs}: no such cell is stored there\n"
    assert [json.loads(line)["status"] for line in lines.out.splitlines()] == [
        line.split()[0] for line in plain.out.splitlines()
    ]


def test_json_has_what_a_script_needs(runs, bench_cli):
    found = [json.loads(line) for line in bench_cli("status", "--results", runs, "--json").out.splitlines()]
    (first,) = [each for each in found if each.get("seed") == 0 and each["model"] == "vae" and each["method"] == "ours"]
    assert first["params"] == {"epochs": 4, "keep": []} and first["metrics"] == {"target_ratio": 0.25}
    assert first["seconds"] == {"unlearn": 2.5} and first["folder"] == str(runs / f"ours-vae-slant-s0-{'0' * 16}")
    (failed,) = [each for each in found if each["status"] == "failed"]
    assert failed["reason"] == "KeyError: 'x'"
    (cut,) = [each for each in found if each["status"] == "unreadable"]
    assert cut.keys() == {"status", "folder", "reason"} and "cannot be read" in cut["reason"]


def test_cells_that_only_other_code_tells_apart_say_when_they_were_stored(tmp_path, bench_cli):
    store = Store(tmp_path)
    for when, key in ((1_000_000_000, "a" * 64), (1_500_000_000, "b" * 64)):
        folder = store.folder("ours-vae-slant-s0", key)
        store.write(folder, made_record(key, params={"epochs": 200}))
        os.utime(folder / "result.json", (when, when))
    older, newer = bench_cli("status", "--results", tmp_path).out.splitlines()
    assert "(stored 2001-09-0" in older and "(stored 2017-07-1" in newer


def test_records_that_are_removed_while_they_are_listed_are_told_without_a_time(tmp_path, bench_cli, monkeypatch):
    store, survey = Store(tmp_path / "runs"), Store.survey

    def surveyed(self):
        found = survey(self)
        for folder, _ in found[0]:
            (folder / "result.json").unlink()
        return found

    monkeypatch.setattr(Store, "survey", surveyed)
    for asked in ((), ("--json",), None):
        for key in ("a" * 64, "b" * 64):
            store.write(store.folder("ours-vae-slant-s0", key), made_record(key, params={"epochs": 200}))
        if asked is None:
            assert bench.results(store.root)["stored"].isna().all()
            continue
        done = bench_cli("status", "--results", store.root, *asked)
        listed = [line for line in done.out.splitlines() if not line.startswith("stopped") and '"stopped"' not in line]
        assert done.code == 0 and len(listed) == 2, done.err
        assert all("(stored" not in line and '"stored": "' not in line for line in listed)


# --- frames -------------------------------------------------------------------------------------------


def test_all_cells_are_rows_of_a_frame(runs):
    cells = bench.results(runs)
    assert list(cells)[:8] == ["cell", "status", "method", "model", "dataset", "feature", "seed", "label"]
    assert len(cells) == 4 and set(cells["status"]) == {"ok", "failed"}
    ours = cells[(cells["method"] == "ours") & (cells["model"] == "vae")].set_index("seed")
    assert ours["params.epochs"].to_list() == [4, 9] and ours["params.keep"].to_list() == ["", "a,b"]
    assert ours.loc[0, "target_ratio"] == 0.25 and pd.isna(ours.loc[1, "target_ratio"])
    assert ours.loc[1, "fid[digits]"] == 3.0 and (cells["seconds.unlearn"] == 2.5).all()
    assert cells.groupby(["method", "params.keep"])["target_ratio"].count().sum() == 1
    assert cells.set_index("method").loc["probe", "reason"] == "KeyError: 'x'"
    tidy = bench.results(runs, tidy=True)
    assert list(tidy["metric"]) == ["target_ratio", "fid[digits]"] or list(tidy["metric"]) == [
        "fid[digits]",
        "target_ratio",
    ]
    ratio = tidy.set_index("metric").loc["target_ratio"]
    assert (ratio["value"], ratio["low"], ratio["high"], ratio["n"], ratio["seed"]) == (0.25, 0.1, 0.4, 10, 0)


def test_a_frame_of_nothing_has_its_columns(tmp_path):
    empty = bench.results(tmp_path)
    assert len(empty) == 0 and {"cell", "status", "losses"} <= set(empty)
    assert len(bench.results(tmp_path, tidy=True)) == 0
    with pytest.raises(UsageError, match="no such folder; bench run stores its cells in results/runs"):
        bench.results(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="has its own folder"):
        bench.results(tmp_path, workspace=bench.open_workspace(results=tmp_path))


def test_losses_are_joined_by_the_path_in_the_frame(on_bars, tmp_path):
    assert on_bars("ours", *QUICK, "--seed", "0,1").code == on_bars("original").code == 0
    cells = bench.results(workspace=bench.open_workspace(results=tmp_path / "runs"))
    assert cells.set_index("cell")["losses"].isna().to_dict() == {
        folder.name: folder.name.startswith("original") for folder in folders(tmp_path)
    }
    kept = cells.dropna(subset=["losses"])
    losses = pd.concat({row.cell: pd.read_csv(row.losses) for row in kept.itertuples()}, names=["cell"])
    assert losses.groupby("cell")["step"].max().to_list() == [3, 3]
