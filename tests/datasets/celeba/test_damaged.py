"""Photographs are looked at before anything is trained: damaged ones, other sizes, an archive that is half unpacked."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from celeba_files import ALIGNED, faces, jpeg, zipped

from bench.errors import DataError

ASKED = ("--suite", "celeba", "--method", "ours", "--model", "proggan", "--feature", "bang")
EXPECTED = "damaged, or not the photograph expected: "
REPLACE = "Replace or delete {}: a part of the photographs will do."


def truncated(content):
    return content[:-200]


def zeroed(content):
    """Return what an interrupted download leaves that had reserved its place."""
    return content[:2000] + bytes(len(content) - 2000)


DAMAGES = [
    (truncated, "truncated, its end is missing"),
    (zeroed, "truncated, its end is missing"),
    (lambda content: content[:1], "not a JPEG image"),
    (lambda content: b"", "not a JPEG image"),
    (lambda content: b"<html>", "not a JPEG image"),
    (lambda content: jpeg(409, 687), "has 409 x 687 px, not 178 x 218 as in img_align_celeba"),
]


def photograph(data, number):
    return data / "celeba" / "img_align_celeba" / f"{number:06}.jpg"


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize(("damage", "reason"), DAMAGES)
def test_one_damaged_photograph_is_named(damage, reason, archive, data):
    file = photograph(data, 7)
    file.write_bytes(damage(file.read_bytes()))
    root = zipped(file.parent) / "img_align_celeba" if archive else file.parent
    only = "It is the only bad one of 7 photographs"
    expected = f"{root}/000007.jpg: {EXPECTED}{reason}. {only}. {REPLACE.format('this file')}"
    assert faces("celeba", data).damaged() == expected


def test_the_first_of_several_is_named_with_their_number(data):
    for number in (6, 3):
        photograph(data, number).write_bytes(truncated(photograph(data, number).read_bytes()))
    said = faces("celeba", data).damaged()
    assert said.startswith(
        f"{photograph(data, 3)}: {EXPECTED}truncated, its end is missing. 2 of 7 photographs are bad"
    )
    assert said.endswith(f"are bad: 000003.jpg, 000006.jpg. {REPLACE.format('these files')}")
    for number in (6, 3):
        photograph(data, number).unlink()
    assert faces("celeba", data).damaged() is None and len(faces("celeba", data).split("all")) == 5


def test_where_all_are_bad_the_remedy_is_the_download(data):
    for number in range(1, 8):
        photograph(data, number).write_bytes(jpeg(400, 500))
    said = faces("celeba", data).damaged()
    assert "7 of 7 photographs are bad" in said and "Download CelebA from" in said and "delete" not in said


def test_sound_photographs_may_be_padded_and_those_without_a_row_do_not_count(data):
    assert faces("celeba", data).damaged() is None
    file = photograph(data, 2)
    file.write_bytes(file.read_bytes() + bytes(1000))
    photograph(data, 99).write_bytes(b"has no row")
    assert faces("celeba", data).damaged() is None
    assert faces("celeba", data).split("all").read(np.array([1])).shape == (1, 3, 64, 64)


def test_a_wrong_checksum_in_an_archive_is_seen(hq):
    file = zipped(hq / "CelebAMask-HQ")
    content = bytearray(file.read_bytes())
    content[content.find(b"CelebA-HQ-img/3.jpg") + 300] ^= 255
    file.write_bytes(content)
    assert "CelebA-HQ-img/3.jpg: " in (said := faces("celebahq", hq).damaged()) and "Bad CRC-32" in said


def test_celeba_hq_takes_squares_of_whole_blocks(hq):
    assert faces("celebahq", hq).damaged() is None
    (hq / "CelebAMask-HQ" / "CelebA-HQ-img" / "1.jpg").write_bytes(jpeg(300, 300))
    assert "1.jpg: " in (said := faces("celebahq", hq).damaged()) and "has 300 x 300 px; expected a square" in said


def test_missing_photographs_are_another_error(data):
    shutil.rmtree(data / "celeba" / "img_align_celeba")
    with pytest.raises(DataError, match="no such folder"):
        faces("celeba", data).damaged()


def test_no_command_trains_on_damaged_photographs(data, tmp_path, bench_cli):
    photograph(data, 7).write_bytes(truncated(photograph(data, 7).read_bytes()))  # in the split test
    said = f"{photograph(data, 7)}: {EXPECTED}truncated"
    options = ("--data-dir", data, "--results", tmp_path / "runs")
    dry, run = bench_cli("run", *ASKED, *options, "--dry-run"), bench_cli("run", *ASKED, *options)
    alone = bench_cli("pretrain", "--classifier", "mobilenet", "--dataset", "celeba", *options)
    assert dry.code == 0 and dry.out.count(said) == 1 and "time unknown" not in dry.out
    assert run.code == alone.code == 4 and run.err.count(said) == alone.err.count(said) == 1
    assert "trained first" not in run.err and "Download" not in run.err and not (tmp_path / "pretrained").exists()


# --- half unpacked ------------------------------------------------------------------------------------


def half_unpacked(data):
    folder = data / "celeba" / "img_align_celeba"
    archive = zipped(folder)
    folder.mkdir()
    for name in ALIGNED[:5]:
        shutil.copy(folder.with_name("put away") / name, folder)
    return folder, archive


def test_an_archive_with_more_photographs_than_the_folder_is_told_once(data, tmp_path, bench_cli):
    assert faces("celeba", data).left_out() is None
    folder, archive = half_unpacked(data)
    said = (
        f"{archive}: holds 7 photographs, but the folder {folder} next to it is read, which holds 5. "
        "Finish unpacking the archive, or delete the folder to read the archive"
    )
    assert faces("celeba", data).left_out() == said and len(faces("celeba", data).split("all")) == 5
    dry = bench_cli("run", *ASKED, "--data-dir", data, "--results", tmp_path / "runs", "--dry-run")
    assert dry.code == 0 and dry.out.count(said) == 1
    archive.write_bytes(b"PK damaged")
    assert faces("celeba", data).left_out() is None, "it is not read"
    shutil.rmtree(folder)
    assert faces("celeba", data).left_out() is None, "that there are no photographs is told elsewhere"


def test_an_archive_of_all_next_to_its_half_unpacked_folder(hq):
    folder = hq / "CelebAMask-HQ"
    archive = zipped(folder)
    shutil.copytree(folder.with_name("put away"), folder)
    assert faces("celebahq", hq).left_out() is None
    (folder / "CelebA-HQ-img" / "3.jpg").unlink()
    assert f"{archive}: holds 12 photographs" in faces("celebahq", hq).left_out()
