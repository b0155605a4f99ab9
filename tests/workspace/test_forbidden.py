"""Cells that may not be read, such as another person's in a shared folder: named, and in nobody's way."""

from __future__ import annotations

import pytest
from made_records import made_record
from rights import forbidden

import bench
from bench.core.files import file_sha256
from bench.errors import StoreError
from bench.registry import Registry
from bench.report.page.making import make_report
from bench.workspace.store.leftovers import unfinished
from bench.workspace.store.merging import merge
from bench.workspace.store.store import Store
from bench.workspace.store.travelling import fault_of, opened


@pytest.fixture(params=["", "result.json"], ids=["folder", "record"])
def runs(request, tmp_path):
    """Return a store of two cells, one of which may not be read, and that one's folder."""
    store = Store(tmp_path / "runs")
    for seed, key in enumerate(("a" * 64, "b" * 64)):
        store.write(store.folder(f"ours-vae-slant-s{seed}", key), made_record(key, seed=seed))
    closed = store.root / f"ours-vae-slant-s1-{'b' * 16}"
    with forbidden(closed / request.param):
        yield store, closed


def test_it_is_named_and_the_other_cell_is_listed(runs, bench_cli):
    store, closed = runs
    done = bench_cli("status", "--results", store.root)
    assert done.code == 0 and done.err == ""
    other, line = done.out.splitlines()
    assert other.startswith(f"ok        ours-vae-slant-s0-{'a' * 16}")
    named = f"unreadable {closed / 'result.json'}: cannot be read (Permission denied); "
    assert line.startswith(named)
    remedy = "change the permissions of its folder" if closed.stat().st_mode & 0o777 == 0 else "its cell runs again"
    assert line.removeprefix(named).startswith(remedy)
    assert store.unfinished() == [] == [*unfinished(store)], "it is not a stopped cell"
    assert bench_cli("status", "--results", store.root, "--json").code == 0


def test_the_other_cell_is_in_the_report_in_the_frame_and_exported(runs, bench_cli, tmp_path):
    store, _ = runs
    path, gathered = make_report([store.root], tmp_path / "report.html", Registry())
    assert [cell.record.seed for cell in gathered.cells] == [0]
    assert "cannot be read (Permission denied)" in path.read_text()
    assert bench.results(store.root)["seed"].to_list() == [0]
    done = bench_cli("export", "--results", store.root, "--out", tmp_path / "out")
    assert done.code == 0 and [each.name for each in (tmp_path / "out").iterdir()] == [f"ours-vae-slant-s0-{'a' * 16}"]


def test_the_other_cell_is_merged(runs, tmp_path):
    store, closed = runs
    with opened(store.root) as parcel:
        fates = {each.cell: each for each in merge(parcel, Store(tmp_path / "all"), True)}
    assert fates[f"ours-vae-slant-s0-{'a' * 16}"].fate == "added"
    assert fates[closed.name].fate == "damaged" and "cannot be read (Permission denied)" in fates[closed.name].why


def test_it_cannot_be_run_and_says_so(tmp_path):
    """A command with other cells goes on with those: this is the error of one cell."""
    store = Store(tmp_path)
    folder = store.folder("ours", "a" * 64)
    folder.mkdir()
    with (
        forbidden(folder),
        pytest.raises(StoreError, match=r"cannot be written \(Permission denied\). Change its"),
        store.locked(folder),
    ):
        pass


def test_a_picture_that_may_not_be_read_is_left_out_of_the_report(tmp_path):
    store, key = Store(tmp_path / "runs"), "a" * 64
    folder = store.folder("ours-vae-slant-s0", key)
    folder.mkdir(parents=True)
    picture = folder / "before-after.png"
    picture.write_bytes(b"picture")
    artefacts = {"picture": {"file": picture.name, "sha256": file_sha256(picture)}}
    store.write(folder, made_record(key, artefacts=artefacts))
    with forbidden(picture):
        make_report([store.root], tmp_path / "report.html", Registry())
        assert fault_of(picture, "picture", store.read(folder).artefacts["picture"]) == (
            f"{picture}: cannot be read (Permission denied)"
        )


def test_a_cell_whose_original_may_not_be_read_is_kept_by_clean(tmp_path, bench_cli):
    """``bench clean`` looks at every cell: one whose original is another cell's weights ended it."""
    store = Store(tmp_path / "runs")
    closed = store.folder("ours-vae-slant-s0", "a" * 64)
    closed.mkdir(parents=True)
    weights = closed / "unlearned.safetensors"
    folder = store.folder("original-vae-slant-s0", "b" * 64)
    store.write(folder, made_record("b" * 64, method="original", weights=str(weights)))
    with forbidden(closed):
        done = bench_cli("clean", "--results", store.root)
    assert done.code == 0 and f"{folder}  ({weights}: cannot be read (Permission denied))" in done.out


def test_a_folder_of_results_that_may_not_be_read_is_named(tmp_path):
    root = tmp_path / "runs"
    root.mkdir()
    with forbidden(root), pytest.raises(StoreError, match=r"runs: cannot be read \(Permission denied\)"):
        bench.results(root)
