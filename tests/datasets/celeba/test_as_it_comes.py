"""CelebA as people have it: archives as downloaded, folders in folders, Kaggle's tables, a part of the photographs."""

from __future__ import annotations

import shutil
import zipfile

import numpy as np
import pytest
import torch
from celeba_files import ALIGNED, BANGS, faces, jpeg, zipped

from bench.errors import DataError

PAGE = b"\n<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"
LATER = "is a web page, not the file itself. Google Drive answers with one after too many downloads"


def as_csv(root):
    """Turn the tables into Kaggle's."""
    attributes, parts = root / "list_attr_celeba.txt", root / "list_eval_partition.txt"
    _, names, *lines = attributes.read_text().split("\n")
    table = [["image_id", *names.split()], *(line.split() for line in lines if line.strip())]
    (root / "list_attr_celeba.csv").write_text("".join(",".join(row) + "\n" for row in table))
    rows = [["image_id", "partition"], *(line.split() for line in parts.read_text().splitlines())]
    (root / "list_eval_partition.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    attributes.unlink()
    parts.unlink()


def nested(root):
    """Put the photographs one folder deeper, where Kaggle has them."""
    folder = root / "img_align_celeba"
    folder.rename(root / "inner")
    folder.mkdir()
    (root / "inner").rename(folder / "img_align_celeba")


def quoted(root):
    """Save Kaggle's tables as a spreadsheet does: all values in quotes."""
    as_csv(root)
    for file in root.glob("*.csv"):
        rows = [line.split(",") for line in file.read_text().splitlines()]
        file.write_text("".join(",".join(f'"{word}"' for word in row) + "\r\n" for row in rows))


def packed(folder, file, prefix):
    """Put a folder's files into a zip, below ``prefix``, with what a Mac adds; take the folder away."""
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            inside = path.relative_to(folder)
            archive.write(path, f"{prefix}{inside}")
            archive.writestr(f"__MACOSX/{prefix}{inside.with_name(f'._{path.name}')}", b"Mac OS X")
        archive.writestr(f"{prefix}.DS_Store", b"Bud1")
    shutil.rmtree(folder)


def photographs_packed(prefix):
    return lambda root: packed(root / "img_align_celeba", root / "img_align_celeba.zip", prefix)


def authors_folders(root):
    """Move the files to where the authors' Google Drive has them."""
    photographs_packed("img_align_celeba/")(root)
    moved = {"Img": "img_align_celeba.zip", "Anno": "list_attr_celeba.txt", "Eval": "list_eval_partition.txt"}
    for folder, name in moved.items():
        (root / folder).mkdir()
        (root / name).rename(root / folder / name)


def kaggle(root):
    as_csv(root)
    nested(root)


def kaggle_archive(root):
    kaggle(root)
    packed(root, root.with_name("celeba.zip"), "")


def kaggle_archive_of_a_folder(root):
    kaggle(root)
    packed(root, root.with_name("celeba.zip"), "celeba/")


def with_a_mac_s_files(root):
    (root / "__MACOSX").mkdir()
    for name in (".DS_Store", "._000001.jpg"):
        (root / "img_align_celeba" / name).write_bytes(b"Mac OS X")


def without_carriage_returns(root):
    table = root / "list_attr_celeba.txt"
    table.write_bytes(table.read_bytes().replace(b"\r\n", b"\n"))


def with_carriage_returns(root):
    parts = root / "list_eval_partition.txt"
    parts.write_bytes(parts.read_bytes().replace(b"\n", b"\r\n"))


SAME_TABLES = [
    photographs_packed("img_align_celeba/"), photographs_packed(""), photographs_packed("img_align_celeba/" * 2),
    photographs_packed("CelebA/Img/img_align_celeba/"), nested, authors_folders, with_a_mac_s_files,
    without_carriage_returns, with_carriage_returns,
]  # fmt: skip
KAGGLE_TABLES = [as_csv, quoted, kaggle, kaggle_archive, kaggle_archive_of_a_folder]


def read(folder):
    """Return what a data set says of itself: all images, bangs, sizes of the splits, and the test split's images."""
    celeba = faces("celeba", folder)
    parts = {name: celeba.split(name) for name in ("all", "train", "valid", "test")}
    images = parts["all"].read(np.arange(7)), parts["test"].read(np.arange(2))
    bangs = parts["all"].attributes["Bangs"].tolist()
    return images, bangs, [len(part) for part in parts.values()], celeba.label


@pytest.mark.parametrize("change", SAME_TABLES + KAGGLE_TABLES)
def test_every_form_is_read_and_gives_the_same(change, data):
    before, identity = read(data), faces("celeba", data).identity("all")
    change(data / "celeba")
    files = sorted(data.rglob("*"))
    after = read(data)
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True)) and after[1:] == before[1:]
    assert after[1:] == (BANGS, [7, 4, 1, 2], "CelebA, 7 photographs")
    assert sorted(data.rglob("*")) == files, "read in place"
    same = faces("celeba", data).identity("all") == identity
    assert same == (change in SAME_TABLES)


@pytest.mark.parametrize("archive", [False, True])
def test_a_part_of_the_photographs_is_a_part_of_every_split(archive, data):
    everything = faces("celeba", data)
    whole, identity = everything.split("all").read(np.arange(7)), everything.identity("all")
    for name in ("000002.jpg", "000005.jpg", "000007.jpg"):
        (data / "celeba" / "img_align_celeba" / name).unlink()
    (data / "celeba" / "img_align_celeba" / "000099.jpg").write_bytes(jpeg(178, 218))  # has no row: left out
    if archive:
        zipped(data / "celeba" / "img_align_celeba")
    celeba = faces("celeba", data)
    assert celeba.label == "CelebA, 4 photographs"
    assert [len(celeba.split(name)) for name in ("all", "train", "valid", "test")] == [4, 3, 0, 1]
    assert celeba.split("all").attributes["Bangs"].tolist() == [BANGS[i] for i in (0, 2, 3, 5)]
    assert torch.equal(celeba.split("all").read(np.arange(4)), whole[[0, 2, 3, 5]])
    assert torch.equal(celeba.split("test").read(np.array([0])), whole[[5]])
    assert celeba.identity("all") != identity


def test_a_part_of_celeba_hq(hq):
    (hq / "CelebAMask-HQ" / "CelebA-HQ-img" / "3.jpg").unlink()
    dataset = faces("celebahq", hq)
    assert len(dataset.split("all")) == 11 and dataset.label == "CelebA-HQ, 11 photographs"


def test_without_photographs_the_label_counts_none(data):
    shutil.rmtree(data / "celeba" / "img_align_celeba")
    assert faces("celeba", data).label == faces("celeba", None).label == "CelebA (real photographs)"


def other_numbers(root):
    for name in ALIGNED:
        photograph = root / "img_align_celeba" / name
        photograph.rename(photograph.with_name(f"9{name}"))


def twice(root):
    shutil.copytree(root / "img_align_celeba", root / "copy")
    (root / "copy").rename(root / "img_align_celeba" / "img_align_celeba")


def page_for(name, page=PAGE):
    def change(root):
        shutil.rmtree(root / "img_align_celeba")
        (root / name).write_bytes(page)

    return change


def unfinished(root):
    file = zipped(root / "img_align_celeba")
    file.write_bytes(file.read_bytes()[:-2000])


def page_for_all(root):
    shutil.rmtree(root)
    root.with_name("celeba.zip").write_bytes(b"\xef\xbb\xbf" + PAGE)


ERRORS = [
    (page_for("img_align_celeba.zip"), "celeba/img_align_celeba.zip", LATER),
    (page_for_all, "celeba.zip", LATER),
    (
        page_for("img_align_celeba.zip", b"\r\n\r\n<!-- saved from a browser -->" + PAGE),
        "celeba/img_align_celeba.zip",
        LATER,
    ),
    (page_for("img_align_celeba.zip", PAGE.decode().encode("utf-16")), "celeba/img_align_celeba.zip", LATER),
    (page_for("list_attr_celeba.txt", b"<?xml version='1.0'?>" + PAGE), "celeba/list_attr_celeba.txt", LATER),
    (page_for("list_attr_celeba.txt"), "celeba/list_attr_celeba.txt", LATER),
    (page_for("list_eval_partition.txt"), "celeba/list_eval_partition.txt", LATER),
    (unfinished, "celeba/img_align_celeba.zip", "truncated, or not a zip archive"),
    (twice, "celeba/img_align_celeba", "several folders in it hold photographs (the folder itself, img_align_celeba)"),
    (other_numbers, "celeba/img_align_celeba", "list_attr_celeba.txt has no row for any photograph in it"),
]


@pytest.mark.parametrize(("change", "file", "message"), ERRORS)
def test_what_cannot_be_read_is_one_error_with_the_file_and_the_remedy(change, file, message, data, bench_cli):
    change(data / "celeba")
    with pytest.raises(DataError) as caught:
        faces("celeba", data).split("train").read(np.arange(1))
    text = str(caught.value)
    assert text.startswith(f"{data / file}: ") and message in text and text.count("Download CelebA from https") == 1
    command = ("pretrain", "--classifier", "mobilenet", "--dataset", "celeba", "--data-dir", data)
    done = bench_cli(*command, "--results", data.parent / "runs")
    assert done.code == 4 and f"{data / file}: " in done.err and message in done.err.replace("\n", " ")
    assert "Traceback" not in done.err


CSV_ERRORS = [
    ("list_attr_celeba.csv", "No_Beard", "Beard", "does not start with the names of CelebA's attributes"),
    ("list_attr_celeba.csv", "000003.jpg,", "000003.jpg;", "line 4 has 40 columns, expected 41"),
    ("list_attr_celeba.csv", "000003.jpg,-1", "000003.jpg,0", "line 4: has values other than 1 and -1"),
    ("list_eval_partition.csv", "000003.jpg,0", "000003.jpg,train", "line 4: 'train' is not a split"),
    ("list_eval_partition.csv", "000003.jpg,0\n", "", "has no row for 000003.jpg"),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), CSV_ERRORS)
def test_a_wrong_csv_is_named(name, old, new, message, data):
    as_csv(data / "celeba")
    file = data / "celeba" / name
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DataError) as caught:
        faces("celeba", data).split("train")
    assert str(caught.value).startswith(f"{file}: {message}") and "data/celeba" in str(caught.value)


def test_a_csv_that_holds_nothing(data):
    as_csv(data / "celeba")
    (data / "celeba" / "list_attr_celeba.csv").write_text("")
    with pytest.raises(DataError, match="does not start with the names of CelebA's attributes"):
        faces("celeba", data).split("all")
