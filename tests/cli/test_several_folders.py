"""Several folders of plug-ins, as a comma list or in several options: all of them count."""

from __future__ import annotations

import pytest

import bench

FORMS = {
    "options": lambda *folders: [part for folder in folders for part in ("--plugins", folder)],
    "a list": lambda *folders: ["--plugins", ",".join(map(str, folders))],
    "one twice": lambda *folders: ["--plugins", ",".join(map(str, folders)), "--plugins", folders[0]],
}


@pytest.fixture
def folders(plugins, tmp_path):
    """Return two folders: one has the model \"bars\", the other a method."""
    other = type(plugins)(tmp_path / "methods, mine")
    other.method("mine", "return Unlearned(deepcopy(generator))")
    return plugins.path, other.path.rename(tmp_path / "methods")


@pytest.mark.parametrize("form", FORMS)
def test_all_folders_count(form, folders, bars, bench_cli, tmp_path):
    given = FORMS[form](*folders)
    listed = bench_cli("list", *given).out
    assert "bars" in listed and "mine" in listed
    assert bench_cli("show", "mine", *given).code == bench_cli("show", "bars", *given).code == 0
    done = bench_cli(
        "run", "--method", "mine", "--model", "bars", "--dataset", "mnist", "--feature", "thickness",
        "--weights", bars.weights, "--results", tmp_path / "runs", "--device", "cpu",
        "--set", "feedback.count=100", "--set", "evaluation.count=130", *given,
    )  # fmt: skip
    assert done.code == 0, done.err
    (weights,) = (tmp_path / "runs").glob("mine-*/unlearned.safetensors")
    drawn = bench_cli("sample", "--weights", weights, "--count", 2, "--out", tmp_path / "shown", *given)
    assert drawn.code == 0, drawn.err
    assert bench.load(weights, [*folders]).model == "bars"
    assert bench_cli("check", "mine", *given).code == 0


def test_the_name_of_a_folder_may_hold_a_comma(folders, bench_cli):
    folder = folders[1].rename(folders[1].with_name("mine, and others"))
    assert "mine" in bench_cli("list", "--plugins", folder).out


@pytest.mark.parametrize("form", FORMS)
def test_each_folder_must_be_there(form, folders, bench_cli, tmp_path):
    done = bench_cli("list", *FORMS[form](folders[0], tmp_path / "nowhere"))
    assert done.code == 4 and f"--plugins {tmp_path / 'nowhere'}: no such folder" in done.err


def test_a_name_in_two_folders_is_told(folders, bench_cli):
    (folders[0] / "mine.py").write_text((folders[1] / "mine.py").read_text())
    done = bench_cli("show", "mine", *FORMS["options"](*folders))
    assert done.code == 3 and "'mine' is registered twice" in done.err


def test_helpers_of_one_name_are_not_exchanged(folders, bench_cli):
    """Python would import the first of them for both."""
    for folder in folders:
        (folder / "_util.py").write_text("X = 1\n")
    assert bench_cli("show", "mine", *FORMS["options"](*folders)).code == 0, "it imports none"
    file = folders[1] / "mine.py"
    file.write_text(file.read_text().replace("from copy", "from _util import X\nfrom copy", 1))
    done = bench_cli("show", "mine", *FORMS["options"](*folders))
    assert done.code == 3 and "imports _util, and both" in done.err and "Rename one of them" in done.err
    assert bench_cli("show", "mine", "--plugins", folders[1]).code == 0


def test_a_new_plug_in_goes_to_one_folder(folders, bench_cli):
    done = bench_cli("new", "method", "further", *FORMS["options"](*folders))
    assert done.code == 4 and "--plugins: name one folder to write to, not 2" in done.err
