"""Where commands write: nothing is written over without a word, and a place that cannot serve is told by its flag."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_records import KEY, made_record

from bench.core.files import write_bytes
from bench.workspace import manifest
from bench.workspace.store.store import Store

FLAGS = {  # what a command writes into a folder, and the flag that names the place
    "export-archive": ("--out", lambda runs, folder: ("export", "--results", runs, "--out", folder / "e.zip")),
    "export-folder": ("--out", lambda runs, folder: ("export", "--results", runs, "--out", folder / "e")),
    "feedback": ("--out", lambda runs, folder: ("feedback", runs, "--clicked", runs, "--feature", "x", "--out", folder / "f")),
    "sample": ("--out", lambda runs, folder: ("sample", "--weights", "vae-mnist", "--out", folder / "s")),
    "import": ("--out", lambda runs, folder: ("zoo", "import", WEIGHTS, "--format", "pgan", "--out", folder / "w.safetensors")),
    "zoo-export": ("--out", lambda runs, folder: ("zoo", "export", WEIGHTS, "--like", WEIGHTS, "--out", folder / "w.pt")),
    "new": ("--plugins", lambda runs, folder: ("new", "method", "mine", "--plugins", folder)),
}  # fmt: skip
WEIGHTS = manifest.path_of("vae-mnist")


@pytest.fixture
def runs(tmp_path):
    store = Store(tmp_path / "runs")
    store.write(store.folder("a", KEY), made_record())
    return store.root


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
@pytest.mark.parametrize("command", FLAGS)
def test_a_place_that_cannot_be_written_is_told_by_its_flag(command, place, runs, tmp_path, bench_cli):
    """Not by the name of a temporary file, of which nobody has heard. Root can write to none of these either."""
    (tmp_path / "file").write_text("")
    flag, argv = FLAGS[command]
    done = bench_cli(*argv(runs, tmp_path / place))
    told = rf"Error: {flag} {re.escape(str(tmp_path / place))}\S*: cannot be written \([A-Z][A-Za-z ]+\)\. Choose another .*\n"
    assert done.code == 4 and re.fullmatch(told, done.err), done.err


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (Path("/proc/version-of-mine"), tmp_path / "folder"):
        with pytest.raises(OSError) as caught:
            write_bytes(path, b"")
        assert caught.value.filename == str(path)


@pytest.mark.parametrize(
    ("argv", "name", "told"),
    [
        (("table", "2", "--no-run"), "tab.docx", "is not csv, tex or html. Name a folder, or a file that ends in .csv"),
        (("table", "2", "--dry-run"), "tab.CSV", "is not csv, tex or html. Name a folder, or a file that ends in .csv"),
        (("figure", "4", "--no-run"), "fig.png", "is the name of a file. Name a folder, and choose with --formats png or"),
        (("figure", "4", "--dry-run"), "fig.svg", "is the name of a file. Name a folder, and choose with --formats png or"),
        (("sample", "--weights", "vae-mnist"), "all.png", "is the name of a file. Name a folder"),
        (("serve", "nosuch", "--feature", "thickness"), "clicks.json", "is the name of a file. Name a folder"),
    ],
)  # fmt: skip
def test_the_name_of_a_file_does_not_become_a_folder(argv, name, told, tmp_path, bench_cli):
    done = bench_cli(*argv, "--out", tmp_path / name)
    assert done.code == 4 and done.err.startswith(f"Error: --out {tmp_path / name}: {told}"), done.err
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["v1.2", "with.png"])
def test_a_folder_may_have_a_dot_in_its_name(name, tmp_path, bench_cli):
    if name == "with.png":
        (tmp_path / name).mkdir()
    done = bench_cli("sample", "--weights", "vae-mnist", "--count", 1, "--out", tmp_path / name)
    assert done.code == 0 and (tmp_path / name / "000000.png").is_file(), done.err


@pytest.mark.parametrize("command", ["ls", "verify", "gc"])
def test_a_cache_that_is_not_there_is_no_empty_one(command, tmp_path, bench_cli):
    done = bench_cli("cache", command, "--results", tmp_path / "nowhere")
    assert done.code == 4
    assert (
        done.err == f"Error: --results {tmp_path / 'nowhere'}: no such folder. Name a folder that `bench run` wrote\n"
    )
