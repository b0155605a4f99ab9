"""CelebA that is here, but not where it is looked for: said before anything is trained, with what to do."""

from __future__ import annotations

import os

import pytest
import torch
from celeba_files import faces, jpeg, zipped

from bench.errors import DataError
from bench.experiments.planning import grid
from bench.experiments.planning.plan import plan
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace


def renamed(suffix, content=None):
    def change(root):
        for photograph in sorted((root / "img_align_celeba").iterdir()):
            other = photograph.rename(photograph.with_suffix(suffix))
            other.write_bytes(content or other.read_bytes())

    return change


def emptied(root):
    for photograph in (root / "img_align_celeba").iterdir():
        photograph.unlink()


def directly(root):
    for photograph in (root / "img_align_celeba").iterdir():
        photograph.rename(root / photograph.name)
    (root / "img_align_celeba").rmdir()


def empty_folder_next_to_the_zip(root):
    zipped(root / "img_align_celeba")
    (root / "img_align_celeba").mkdir()


def zip_too_high(root):
    file = zipped(root / "img_align_celeba")
    file.rename(root.parent / file.name)


def zip_of_a_second_download(root):
    file = zipped(root / "img_align_celeba")
    file.rename(root / "img_align_celeba (1).zip")


NONE, ABSENT = "img_align_celeba: holds no photographs such as 000001.jpg. ", "no img_align_celeba.zip next to it. "
LAYOUTS = [
    (emptied, NONE + "Download CelebA from"),
    (renamed(".JPG"), NONE + "It holds 00000"),
    (renamed(".png", b"\x89PNG"), NONE + "It holds 00000"),
    (directly, ABSENT + "Photographs lie in {root} itself: move them to {root}/img_align_celeba."),
    (empty_folder_next_to_the_zip, NONE + "{root}/img_align_celeba.zip is read once the folder next to it is gone"),
    (zip_of_a_second_download, ABSENT + "Rename {root}/img_align_celeba (1).zip to img_align_celeba.zip."),
    (zip_too_high, ABSENT + "img_align_celeba.zip lies in {data}, one folder too high: move it to {root}."),
]
NAMES = ["empty", "JPG", "PNG", "directly", "empty folder next to the zip", "second download", "zip too high"]


def planned(data, runs):
    here = Workspace(Registry(), Store(runs), torch.device("cpu"), data)
    asked = grid.Request(["ours"], ["proggan"], ["bang"], suite="celeba")
    return plan(grid.cells(asked, here), here, "failed")


@pytest.mark.parametrize(("change", "message"), LAYOUTS, ids=NAMES)
def test_a_plan_says_that_the_photographs_are_missing(change, message, data, tmp_path):
    root = data / "celeba"
    change(root)
    made = planned(data, tmp_path / "runs")
    (said,) = made.missing
    assert f"{root}/" in said and message.format(root=root, data=data) in said
    assert {str(each) for each in made.beforehand} == {"time unknown: its images are not here"}
    with pytest.raises(DataError) as caught:
        made.require_runnable()
    assert str(caught.value) == said


def test_with_its_photographs_nothing_is_missing(data, tmp_path):
    made = planned(data, tmp_path / "runs")
    assert made.missing == [] and made.notes == () and None not in [each.seconds for each in made.beforehand]


def test_a_run_without_photographs_announces_no_training(data, tmp_path, bench_cli):
    emptied(data / "celeba")
    asked = ("run", "--suite", "celeba", "--method", "ours", "--model", "proggan", "--feature", "bang")
    asked += ("--data-dir", data, "--results", tmp_path / "runs")
    dry, done = bench_cli(*asked, "--dry-run"), bench_cli(*asked)
    assert "missing or wrong, so not all of these can run yet" in dry.out and NONE in dry.out
    assert done.code == 4 and done.err.count(NONE) == 1 and "trained first" not in done.err


def told(folder):
    with pytest.raises(DataError) as caught:
        faces("celeba", folder).identity("all")
    return str(caught.value)


def test_the_folder_celeba_is_not_the_data_folder(data, monkeypatch):
    said = f"lies in {data / 'celeba'} itself: pass its parent folder, --data-dir {data}."
    assert said in told(data / "celeba") and "Download" not in told(data / "celeba")
    with pytest.raises(DataError, match="pass its parent folder"):
        faces("celeba", data / "celeba").split("all")
    monkeypatch.chdir(data / "celeba")
    assert said in told(type(data)(os.curdir))


@pytest.mark.parametrize("place", ["", "celeba"])
def test_kaggle_s_archive_is_to_be_renamed_and_is_then_read(place, data):
    archive = zipped(data / "celeba").rename(data / "celeba.zip")
    root = data / "celeba"
    if place:
        root.mkdir()
    archive = archive.rename(data / place / "archive.zip")
    also = f", and take the folder {root} away" if place else ""
    assert f"Rename {archive} to {root}.zip{also}." in told(data)
    archive.rename(data / "celeba.zip")
    if place:
        root.rmdir()
    assert len(faces("celeba", data).split("all")) == 7


@pytest.mark.parametrize("name", ["celeba-dataset.zip", "archive (2).zip", "CelebA.zip", "celeba/celeba.zip"])
def test_other_names_of_the_archive_are_to_be_renamed(name, data):
    archive = zipped(data / "celeba")
    (data / name).parent.mkdir(exist_ok=True)
    archive.rename(data / name)
    also = f", and take the folder {data}/celeba away" if name == "celeba/celeba.zip" else ""
    assert f"Rename {data / name} to {data}/celeba.zip{also}." in told(data)


@pytest.mark.parametrize("name", ["archive", "CelebA", "celeba-dataset"])
def test_other_names_of_the_folder_are_to_be_renamed(name, data):
    if (data / "Celeba").exists():
        pytest.skip("this file system knows no capitals")
    (data / "celeba").rename(data / name)
    assert f"Rename {data / name} to {data}/celeba." in told(data)
    (data / "celeba").mkdir()
    assert f"Move what is in {data / name} to {data}/celeba." in told(data)


def test_a_folder_named_archive_without_celeba_is_not_meant(data):
    (data / "celeba").rename(data / "elsewhere")
    (data / "archive").mkdir()
    assert "Rename" not in told(data) and "Download CelebA" in told(data)


def test_all_that_lies_too_high_is_named_at_once(data):
    for each in (data / "celeba").iterdir():
        each.rename(data / each.name)
    listed = "list_attr_celeba.txt, list_eval_partition.txt and img_align_celeba lie in"
    assert f"{listed} {data}, one folder too high: move them to {data}/celeba." in told(data)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("list_attr_celeba.txt.zip", "{file} holds the table: unpack it in {root}."),
        ("list_attr_celeba.csv (1).zip", "{file} holds the table: unpack it in {root}."),
        ("list_attr_celeba (1).txt", "Rename {file} to list_attr_celeba.txt."),
    ],
)
def test_a_table_under_another_name(name, remedy, data):
    root = data / "celeba"
    file = (root / "list_attr_celeba.txt").rename(root / name)
    said = told(data)
    assert said.startswith(f"{root}/list_attr_celeba.txt: no such file. {remedy.format(file=file, root=root)}")


def test_only_photographs_for_training_are_told_with_the_first_one_for_testing(data):
    root = data / "celeba"
    assert faces("celeba", data).untested() is None
    for name in ("000006.jpg", "000007.jpg"):
        (root / "img_align_celeba" / name).unlink()
    said = faces("celeba", data).untested()
    assert said.startswith(f"{root / 'img_align_celeba'}: holds no photograph of the split test (000006.jpg is the")
    assert "accuracy is not measured. To measure it, add photographs from 000006.jpg on, or give" in said
    (root / "list_eval_partition.txt").write_text("".join(f"{i:06}.jpg 0\n" for i in range(1, 8)))
    assert "which has no row in it" in faces("celeba", data).untested()
    (root / "img_align_celeba" / "000006.jpg").write_bytes(jpeg(178, 218))
    emptied(root)
    assert faces("celeba", data).untested() is None, "that there are none is told elsewhere"
